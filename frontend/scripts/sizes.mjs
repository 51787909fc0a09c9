// Prints what each page loads at first and what it loads later, compressed as the server sends it.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const out = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'ioc', 'web', 'static');
const sizeOf = (path) => gzipSync(readFileSync(join(out, path))).length;
/** What a page may weigh before its map, in bytes; faces count too where a citizen pays for them. */
const MOST = { 'report.html': 200 * 1024 };
const kb = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;

/** Files of the faces in two weights, regular and semibold, that the styles name. */
function facesOf(styles) {
  const named = styles.flatMap((path) => [...readFileSync(join(out, path), 'utf8').matchAll(/assets\/[^"')]+-(?:400|600)(?:-normal)?-[^"')]+\.woff2/g)]);
  return [...new Set(named.map((found) => found[0]))];
}

for (const page of ['wall.html', 'tablet.html', 'report.html', 'ops.html']) {
  const html = readFileSync(join(out, page), 'utf8');
  const first = [...new Set([...html.matchAll(/\/static\/(assets\/[^"']+\.(?:js|css))/g)].map((found) => found[1]))];
  if (page in MOST) first.push(...facesOf(first.filter((path) => path.endsWith('.css'))));
  const total = first.reduce((sum, path) => sum + sizeOf(path), sizeOf(page));
  process.stderr.write(`${page}: ${kb(total)} compressed before the first figure (${first.map((path) => `${path.slice(7)} ${kb(sizeOf(path))}`).join(', ')})\n`);
  if (page in MOST && total > MOST[page]) {
    process.stderr.write(`${page} may weigh ${kb(MOST[page])}: load what is heavy later, by import().\n`);
    process.exitCode = 1;
  }
}
const later = readdirSync(join(out, 'assets')).filter((name) => /(map|Chart|Detail|uPlot).*\.(js|css)$/i.test(name));
process.stderr.write(`later: ${later.map((name) => `${name} ${kb(sizeOf(join('assets', name)))}`).join(', ')}\n`);
