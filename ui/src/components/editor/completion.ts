// What can be typed at the cursor, and what the thing under the pointer is about. Pure: text, position and schema in.

import { namesUnder, yamlPlace } from './place';
import type { RunbookSchema } from './schema';

export interface Offer {
  label: string;
  kind: 'field' | 'value' | 'name';
  /** Beside the label: `required`. */
  detail: string;
  doc: string;
  /** What is put in for the word. */
  insert: string;
}

export interface Offers {
  from: number;
  offers: Offer[];
}

/** What can be typed at `at`; null where nothing is known. */
export function offersAt(text: string, at: number, schema: RunbookSchema): Offers | null {
  const line = text.slice(text.lastIndexOf('\n', at - 1) + 1, at);
  const template = /\{\{[^}]*?(\w*)$/.exec(line);
  if (template !== null) return namesAt(text, at, template[1] ?? '');
  const place = yamlPlace(text, at);
  if (place.kind === 'none') return null;
  const offers =
    place.kind === 'value'
      ? schema.values(place.path).map(({ text: value, doc }): Offer => offer(value, 'value', '', doc, value))
      : schema
          .fields(place.path, place.siblings)
          .filter((field) => !place.siblings.has(field.name))
          .map((field): Offer => {
            const indent = ' '.repeat(place.from - text.lastIndexOf('\n', place.from - 1) - 1 + 2);
            const insert = field.nested && !place.flow ? `${field.name}:\n${indent}` : `${field.name}: `;
            return offer(field.name, 'field', field.required ? 'required' : '', field.doc, insert);
          });
  return offers.length === 0 ? null : { from: place.from, offers };
}

export interface About {
  from: number;
  to: number;
  title: string;
  doc: string;
}

/** What the schema says about the field or value at `at`. */
export function aboutAt(text: string, at: number, schema: RunbookSchema): About | null {
  const rest = /^[\w.%-]*/.exec(text.slice(at))?.[0].length ?? 0;
  const to = at + rest;
  const place = yamlPlace(text, to);
  if (place.kind === 'none' || place.word === '') return null;
  if (place.kind === 'key') {
    const doc = schema.fields(place.path, place.siblings).find((field) => field.name === place.word)?.doc ?? '';
    return doc === '' ? null : { from: place.from, to, title: place.word, doc };
  }
  const value = schema.values(place.path).find((one) => one.text === place.word);
  return value === undefined || value.doc === '' ? null : { from: place.from, to, title: place.word, doc: value.doc };
}

function namesAt(text: string, at: number, word: string): Offers | null {
  const names = ['inputs', 'vars', 'secrets'].flatMap((top) =>
    namesUnder(text, top).map((name) => offer(name, 'name', top.replace(/s$/, ''), '', name)),
  );
  return names.length === 0 ? null : { from: at - word.length, offers: names };
}

function offer(label: string, kind: Offer['kind'], detail: string, doc: string, insert: string): Offer {
  return { label, kind, detail, doc, insert };
}
