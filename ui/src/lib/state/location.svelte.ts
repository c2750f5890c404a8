// Where the window is: the hash, read and written. Back and forward are the browser's own.

import { href, parse, placeOf, type Location, type Route } from './router';

class Where {
  #location = $state.raw<Location>(parse(window.location.hash));

  get route(): Route {
    return this.#location.route;
  }

  get selection(): string {
    return this.#location.selection;
  }

  readonly place = $derived(placeOf(this.#location.route));

  /** Follows the address until the returned function is called. */
  follow(): () => void {
    const read = () => {
      this.#location = parse(window.location.hash);
    };
    window.addEventListener('hashchange', read);
    read();
    return () => {
      window.removeEventListener('hashchange', read);
    };
  }

  /** Goes there, as a new entry of the history. */
  go(route: Route, selection = ''): void {
    window.location.hash = href(route, selection);
    this.#location = { route, selection };
  }

  /** Changes the address in place: for the focus inside a view, which back should not step through. */
  replace(route: Route, selection = ''): void {
    window.history.replaceState(window.history.state, '', href(route, selection));
    this.#location = { route, selection };
  }
}

export const where = new Where();
