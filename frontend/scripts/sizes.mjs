// Prints what each page loads at first and what it loads later, compressed as the server sends it.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const out = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'ioc', 'web', 'static');
const sizeOf = (path) => gzipSync(readFileSync(join(out, path))).length;
const kb = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;

for (const page of ['wall.html', 'tablet.html', 'ops.html']) {
  const html = readFileSync(join(out, page), 'utf8');
  const first = [...new Set([...html.matchAll(/\/static\/(assets\/[^"']+\.(?:js|css))/g)].map((found) => found[1]))];
  const total = first.reduce((sum, path) => sum + sizeOf(path), sizeOf(page));
  process.stderr.write(`${page}: ${kb(total)} compressed before the first figure (${first.map((path) => `${path.slice(7)} ${kb(sizeOf(path))}`).join(', ')})\n`);
}
const later = readdirSync(join(out, 'assets')).filter((name) => /(map|Chart|Detail|uPlot).*\.(js|css)$/i.test(name));
process.stderr.write(`later: ${later.map((name) => `${name} ${kb(sizeOf(join('assets', name)))}`).join(', ')}\n`);
