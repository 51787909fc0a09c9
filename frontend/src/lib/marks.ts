// The marks: round ones say how alive the data is, angular ones how bad the world is. Pages draw them as SVG
// symbols, the map as images; both from these shapes on a 24 × 24 field.

export interface Stroke {
  d: string;
  /** Line width; 0 fills the path. */
  width: number;
  dash?: number[];
  cap?: 'square';
}

function circle(r: number): string {
  return `M${12 - r} 12a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
}

function fill(d: string): Stroke {
  return { d, width: 0 };
}

function line(d: string, width: number): Stroke {
  return { d, width };
}

export const MARKS = {
  live: [fill(circle(9))],
  late: [line(circle(8.5), 2.6), fill('M12 3.5a8.5 8.5 0 0 0 0 17z')],
  stale: [line(circle(8.2), 3)],
  frozen: [line(circle(9), 2.4), line('M9.2 7.6v8.8M14.8 7.6v8.8', 3)],
  down: [{ d: 'M4.5 4.5l15 15M19.5 4.5l-15 15', width: 4.2, cap: 'square' }],
  never: [{ d: circle(8.5), width: 2.4, dash: [3.6, 3.08] }],
  warn: [fill('M12 3l10 18H2z')],
  bad: [fill('M12 1.5L22.5 12 12 22.5 1.5 12z')],
  good: [line('M4 12.5l5.2 5.2L20 7', 3.2)],
  typed: [line('M4 20l1.2-4.8L16.4 4a2 2 0 0 1 2.8 0l.8.8a2 2 0 0 1 0 2.8L8.8 18.8z', 2.2)],
  computed: [line('M18 5H7l6 7-6 7h11', 2.4)],
  estimated: [line('M3.5 10c2.8-3.6 5.6-3.6 8.5-1.200s5.7 2.4 8.5-1.200M3.5 17c2.8-3.6 5.6-3.6 8.5-1.200s5.7 2.4 8.5-1.2', 2.4)],
  revised: [line('M4 13a8 8 0 1 1 2.6 5.900M4 13V7M4 13h6', 2.4)],
  differs: [line('M4 9h16M4 15h16M16.5 4l-9 16', 2.6)],
  up: [line('M12 20V5M6 11l6-6 6 6', 2.6)],
  dn: [line('M12 4v15M6 13l6 6 6-6', 2.6)],
  flat: [line('M4 12h15', 2.6)],
  square: [line('M5.5 4h13a1.5 1.5 0 0 1 1.5 1.500v13a1.5 1.5 0 0 1-1.5 1.500h-13a1.5 1.5 0 0 1-1.5-1.500v-13a1.5 1.5 0 0 1 1.5-1.500z', 2.6)],
  squareFull: [fill('M5 3h14a2 2 0 0 1 2 2v14a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2z')],
  hot: [line('M4 4h16v16H4z', 2.6), line('M4 12l8-8M4 20L20 4M12 20l8-8', 2)],
  triangle: [line('M3 4.500h18L12 21z', 2.6)],
  triangleFull: [fill('M2 3.500h20L12 22z')],
  arrow: [fill('M12 2l7 19-7-4.500L5 21z')],
  arrowOpen: [line('M12 3l6.2 16.500L12 15.6 5.8 19.500z', 2.2)],
  zone: [{ d: 'M3 9l8-6 10 4-2 12-12 2z', width: 2.2, dash: [4, 2.6] }],
  close: [{ d: 'M4.5 4.5l15 15M19.5 4.5l-15 15', width: 2.6, cap: 'square' }],
} satisfies Record<string, Stroke[]>;

export type MarkName = keyof typeof MARKS;

/** A mark as pixels for the map: in `colour`, on a halo so that it stands off what lies under it. */
export function markImage(
  name: MarkName,
  size: number,
  colour: string,
  halo: string | null,
  ratio: number,
): ImageData {
  const pixels = Math.max(4, Math.round(size * ratio));
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = pixels;
  const pen = canvas.getContext('2d');
  if (pen === null) throw new Error('This browser draws no 2d canvas.');
  const k = pixels / (halo === null ? 24 : 28);
  pen.setTransform(k, 0, 0, k, halo === null ? 0 : 2 * k, halo === null ? 0 : 2 * k);
  pen.lineJoin = 'round';
  const passes: [string, number][] = halo === null ? [[colour, 0]] : [[halo, 4], [colour, 0]];
  for (const [ink, more] of passes) {
    pen.strokeStyle = pen.fillStyle = ink;
    for (const stroke of MARKS[name] as Stroke[]) {
      const path = new Path2D(stroke.d);
      pen.setLineDash(stroke.dash ?? []);
      pen.lineCap = stroke.cap ?? 'butt';
      if (stroke.width === 0) {
        pen.fill(path);
        if (more > 0) {
          pen.lineWidth = more;
          pen.stroke(path);
        }
      } else {
        pen.lineWidth = stroke.width + more;
        pen.stroke(path);
      }
    }
  }
  return pen.getImageData(0, 0, pixels, pixels);
}

/** A seamless hatch of `side` pixels for fill patterns. */
export function hatchImage(side: number, colour: string, width: number): ImageData {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = side;
  const pen = canvas.getContext('2d');
  if (pen === null) throw new Error('This browser draws no 2d canvas.');
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  for (const shift of [-side, 0, side]) {
    pen.beginPath();
    pen.moveTo(shift - 2, side + 2);
    pen.lineTo(shift + side + 2, -2);
    pen.stroke();
  }
  return pen.getImageData(0, 0, side, side);
}
