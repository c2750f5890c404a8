// Imported before anything else. Under LANG=C, WebKitGTK reports the language "C", which is no BCP 47 tag: the first
// `new Intl.NumberFormat(navigator.language)` of any library throws, and the window stays blank. Repair it once, here.

const fallback = 'en-GB';

/** The language that dates and numbers are written in: the system's, or one that exists. */
export const locale: string = usable(navigator.language) ? navigator.language : fallback;

function usable(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}

if (locale !== navigator.language) {
  Object.defineProperty(navigator, 'language', { configurable: true, get: () => locale });
  Object.defineProperty(navigator, 'languages', { configurable: true, get: () => [locale] });
}
