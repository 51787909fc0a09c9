// A tile's face out of what is live now.

import type { Lang } from './format';
import type { Live } from './live.svelte';
import type { TileItem } from './protocol';
import type { TilePanel } from './screen';
import { face, type Face } from './tiles';

export function faceOf(panel: TilePanel, live: Live, lang: Lang): Face {
  const channel = `tile/${panel.tile}`;
  return face(panel, live.item<TileItem>(channel, 'all'), {
    quality: live.quality(channel),
    sources: live.board('sources').items,
    now: live.now,
    lang,
    blindOf: live.blind ? live.seen : null,
    blank: live.blank,
    problem: live.problem(channel),
  });
}
