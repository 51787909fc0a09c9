// What a figure was over the last days, as a line small enough to stand beside it. A gap stays a gap.

export interface Point {
  at: number;
  value: number;
  /** Stands for its day: what came between was not asked for. */
  daily?: boolean;
}

/** A line in a field of 240 × 72. */
export interface Spark {
  lines: string[];
  target: number | null;
  /** How much it changed since the first point, and over how long (ms); null when there are not two points. */
  by: number | null;
  over: number;
}

const DAY_MS = 86_400_000;
const DAYS = 7;
const MOST_POINTS = 120;
/** A silence of more than 2.5 usual steps is a gap; the centre notes a word each minute, and may miss a few. */
const GAP_OF_STEPS = 2.5;
const GAP_MS = 15 * 60_000;
const GAP_OF_DAYS_MS = 26 * 3_600_000;
const [WIDTH, HEIGHT, EDGE, PAD] = [240, 72, 6, 8];

/** The line of the points (in any order) from the first, at most seven days ago, to now. */
export function spark(given: Point[], target: number | null, now: number): Spark {
  const points = [...given].filter((one) => one.at <= now + GAP_MS && one.at >= now - DAYS * DAY_MS - GAP_MS).sort((a, b) => a.at - b.at);
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined || first === last) return { lines: [], target: null, by: null, over: 0 };
  const all = [...points.map((one) => one.value), ...(target === null ? [] : [target])];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const span = Math.max(high - low, 2);
  const y = (value: number) => Math.round(10 * (PAD + ((HEIGHT - 2 * PAD) * ((high + low) / 2 + span / 2 - value)) / span)) / 10;
  const x = (at: number) => Math.round(10 * (EDGE + ((WIDTH - 2 * EDGE) * (at - first.at)) / Math.max(1, now - first.at))) / 10;
  const steps = points.slice(1).map((one, i) => one.at - points[i]!.at).sort((a, b) => a - b);
  const gap = Math.max(GAP_MS, GAP_OF_STEPS * (steps[Math.floor((steps.length - 1) / 2)] ?? 0));
  const lines: string[][] = [];
  points.forEach((one, i) => {
    const before = points[i - 1];
    const apart = before === undefined || one.at - before.at > (one.daily || before.daily ? Math.max(gap, GAP_OF_DAYS_MS) : gap);
    if (apart) lines.push([]);
    lines.at(-1)!.push(`${x(one.at)},${y(one.value)}`);
  });
  return { lines: lines.map((line) => thin(line).join(' ')), target: target === null ? null : y(target), by: last.value - first.value, over: now - first.at };
}

function thin(line: string[]): string[] {
  const step = Math.ceil(line.length / MOST_POINTS);
  return step < 2 ? line : line.filter((_, i) => i % step === 0 || i === line.length - 1);
}

async function ask(tile: string, from: number, to: number): Promise<Point[]> {
  const query = `from=${encodeURIComponent(new Date(from).toISOString())}&to=${encodeURIComponent(new Date(to).toISOString())}`;
  const answer = await fetch(`/api/tiles/${encodeURIComponent(tile)}?${query}`, { credentials: 'same-origin', signal: AbortSignal.timeout(15_000) });
  if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
  const told = (await answer.json()) as { history?: { at: string; value: unknown }[] };
  return (told.history ?? []).flatMap((one) => (typeof one.value === 'number' ? [{ at: Date.parse(one.at), value: one.value }] : []));
}

/** How long a week that was fetched is good enough: the newest point is live anyway. */
export const AGAIN_MS = 10 * 60_000;
const kept = new Map<string, { at: number; points: Promise<Point[]> }>();

/** The week, fetched at most every ten minutes however often the scene comes round. Throws as fetchWeek does. */
export function weekOf(tile: string, now: number): Promise<Point[]> {
  const known = kept.get(tile);
  if (known !== undefined && now - known.at < AGAIN_MS - 1000) return known.points;
  const points = fetchWeek(tile, now);
  kept.set(tile, { at: now, points });
  points.catch(() => kept.delete(tile));
  return points;
}

/**
 * What the word was in the last seven days. The server gives the newest thousand figures: days before those are asked
 * for one by one, and each gives its last figure. Throws when the server does not answer.
 */
async function fetchWeek(tile: string, now: number): Promise<Point[]> {
  const points = await ask(tile, now - DAYS * DAY_MS, now);
  const oldest = points[0]?.at ?? now;
  const HOUR_MS = DAY_MS / 24;
  for (let day = DAYS; day > 0; day -= 1) {
    const at = now - day * DAY_MS;
    if (at > oldest - HOUR_MS || points.length < 1000) continue;
    const last = (await ask(tile, at - HOUR_MS, at)).at(-1);
    if (last !== undefined) points.push({ ...last, daily: true });
  }
  return points;
}
