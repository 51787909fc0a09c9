// The first steps of a page: the screen's description, asked for until the server answers, then the live channels.

import type { Lang } from './format';
import { debug } from './debug';
import { Live } from './live.svelte';
import { channelsOf, fetchScreen, Refused, type Screen } from './screen';
import { text, word } from './words';

const AGAIN_MS = 5_000;

export class Boot {
  screen = $state.raw<Screen | null>(null);
  live = $state.raw<Live | null>(null);
  lang = $state<Lang>('vi');
  /** Why there is nothing to show, as a sentence. */
  say = $state<string | null>(null);

  /** `receipts`: a wall, which tells the server what is on its glass. */
  constructor(
    private readonly name: string,
    private readonly receipts: boolean,
  ) {
    // A tablet remembers its reader's language; a wall speaks what its address or its screen says.
    const asked = new URLSearchParams(location.search).get('lang') ?? (this.receipts ? null : localStorage.getItem('ioc.lang'));
    if (asked === 'en' || asked === 'vi') this.lang = asked;
    void this.#begin(asked !== null);
  }

  speak(lang: Lang): void {
    this.lang = lang;
    localStorage.setItem('ioc.lang', lang);
    document.documentElement.lang = lang;
  }

  async #begin(chosen: boolean): Promise<void> {
    try {
      const screen = await fetchScreen(this.name);
      if (!chosen) this.lang = screen.language;
      document.documentElement.lang = this.lang;
      const live = new Live(screen.name, text(screen.title, screen.language) || screen.name, screen.beat, screen.blank_after_s * 1000, this.receipts);
      live.start(channelsOf(screen));
      this.say = null;
      this.screen = screen;
      this.live = live;
      debug({ live, screen });
    } catch (error) {
      const refused = error instanceof Refused ? error : new Refused(0, false);
      if (refused.codeUsed) this.say = word('code_used', this.lang);
      else if (refused.status === 401 || refused.status === 403) this.say = word('no_key', this.lang);
      else if (refused.status === 404) this.say = word('no_screen', this.lang);
      else this.say = word('unreachable', this.lang);
      // A door that is closed now may be opened by a cookie from another page; a wall has nobody to reload it.
      window.setTimeout(() => void this.#begin(chosen), refused.status === 0 ? AGAIN_MS : 6 * AGAIN_MS);
    }
  }
}
