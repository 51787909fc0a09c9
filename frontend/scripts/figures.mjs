// Builds the face `Be Vietnam Pro Figures`: digits 0-9 of the same file, centred on one advance (the widest
// times 0.965), because the family has no tabular figures. Licence (OFL) is copied beside it.
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createFont, woff2 } from 'fonteditor-core';

const WEIGHTS = [400, 500, 600, 700];
const DIGITS = Array.from({ length: 10 }, (_, i) => 48 + i);
const TIGHTER = 0.965;

const here = dirname(fileURLToPath(import.meta.url));
const from = dirname(createRequire(import.meta.url).resolve('@fontsource/be-vietnam-pro/package.json'));
const to = join(here, '..', 'src', 'lib', 'fonts', 'made');
mkdirSync(to, { recursive: true });
if (WEIGHTS.every((weight) => existsSync(join(to, `figures-${weight}.woff2`)))) process.exit(0);
await woff2.init();
for (const weight of WEIGHTS) {
  const font = createFont(readFileSync(join(from, 'files', `be-vietnam-pro-latin-${weight}-normal.woff2`)), {
    type: 'woff2',
    subset: DIGITS,
    hinting: false,
    kerning: false,
  });
  const ttf = font.get();
  const digits = ttf.glyf.filter((glyph) => glyph.unicode?.some((code) => DIGITS.includes(code)));
  if (digits.length !== 10) throw new Error(`Weight ${weight} has ${digits.length} digits; expected 10.`);
  const advance = Math.round(Math.max(...digits.map((glyph) => glyph.advanceWidth)) * TIGHTER);
  for (const glyph of digits) {
    const shift = Math.round((advance - (glyph.xMax - glyph.xMin)) / 2) - glyph.xMin;
    for (const contour of glyph.contours) for (const point of contour) point.x += shift;
    glyph.xMin += shift;
    glyph.xMax += shift;
    glyph.leftSideBearing = glyph.xMin;
    glyph.advanceWidth = advance;
  }
  ttf.name.fontFamily = 'Be Vietnam Pro Figures';
  const made = Buffer.from(font.write({ type: 'woff2', hinting: false, kerning: false }));
  writeFileSync(join(to, `figures-${weight}.woff2`), made);
  process.stderr.write(`figures ${weight}: advance ${advance}, ${made.length} bytes\n`);
}
copyFileSync(join(from, 'LICENSE'), join(to, 'OFL.txt'));
