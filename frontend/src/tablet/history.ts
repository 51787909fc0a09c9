// A tile's past, as the server tells it, made ready to draw: gaps stay gaps.

export interface Past {
  /** Seconds since 1970, rising. */
  at: number[];
  /** Null where there is no figure. */
  value: (number | null)[];
  /** From and to (seconds) of the times without a figure. */
  gaps: [number, number][];
}

const GAP_OF_STEPS = 2.5;

/** Points in time order; a silence of more than 2.5 usual steps is a gap. Throws when the server gives none. */
export function readPast(points: { at: string; value: unknown }[]): Past {
  const given = points
    .map((point) => ({ at: Date.parse(point.at) / 1000, value: typeof point.value === 'number' ? point.value : null }))
    .filter((point) => !Number.isNaN(point.at))
    .sort((a, b) => a.at - b.at);
  const steps = given.slice(1).map((point, i) => point.at - given[i]!.at).sort((a, b) => a - b);
  const usual = steps[Math.floor(steps.length / 2)] ?? 0;
  const past: Past = { at: [], value: [], gaps: [] };
  for (const [i, point] of given.entries()) {
    const before = given[i - 1];
    if (before !== undefined && usual > 0 && point.at - before.at > GAP_OF_STEPS * usual) {
      past.gaps.push([before.at, point.at]);
      past.at.push((before.at + point.at) / 2);
      past.value.push(null);
    }
    past.at.push(point.at);
    past.value.push(point.value);
  }
  return past;
}

/** The figure's last 30 days. Throws when the server does not answer. */
export async function fetchPast(tile: string, now: number): Promise<Past> {
  const from = new Date(now - 30 * 86_400_000).toISOString();
  const to = new Date(now).toISOString();
  const answer = await fetch(`/api/tiles/${encodeURIComponent(tile)}?from=${encodeURIComponent(from)}&to=${encodeURIComponent(to)}`, {
    credentials: 'same-origin',
    signal: AbortSignal.timeout(15_000),
  });
  if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
  const told = (await answer.json()) as { history?: { at: string; value: unknown }[] };
  return readPast(told.history ?? []);
}
