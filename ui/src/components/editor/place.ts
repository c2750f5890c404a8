// Where in a YAML text the cursor is: the path of keys that lead there, and what stands beside it. It reads by
// indentation rather than by grammar, because a text that is being typed has none most of the time. It knows no schema.

/** A list item on a path. */
export const item = '-';

export interface YamlPlace {
  /** A field's name is expected, its value, or neither (inside a script or a comment). */
  kind: 'key' | 'value' | 'none';
  /** Keys from the outside in; {@link item} for an item of a list. Of a value, the last is its own key. */
  path: readonly string[];
  /** Where the word at the cursor begins. */
  from: number;
  word: string;
  /** The fields of the same mapping with what follows them on their line, without the one at the cursor. */
  siblings: ReadonlyMap<string, string>;
  /** Whether it is inside `{ … }` or `[ … ]`. */
  flow: boolean;
}

interface Level {
  column: number;
  key: string;
}

interface Field {
  line: number;
  column: number;
  key: string;
  rest: string;
}

const keyPattern = /^(?:([\w.-]+)|'([^']*)'|"([^"]*)")\s*:(?=\s|$)/;
const wordPattern = /[\w.%-]*$/;

/** Where `at` is in `text`. */
export function yamlPlace(text: string, at: number): YamlPlace {
  const word = wordPattern.exec(text.slice(0, at))?.[0] ?? '';
  const from = at - word.length;
  const lineStart = text.lastIndexOf('\n', at - 1) + 1;
  const nowhere: YamlPlace = { kind: 'none', path: [], from, word, siblings: new Map(), flow: false };
  const scan = new Scan();
  const before = text.slice(0, lineStart).split('\n').slice(0, -1);
  for (const line of before) scan.line(line);
  const prefix = text.slice(lineStart, at);
  if (scan.inScript(prefix) || /(^|\s)#/.test(prefix)) return nowhere;
  const opened = scan.open(prefix);
  if (opened !== null) return { ...flowPlace(opened.text, opened.path), from, word, flow: true };

  const { column, content } = afterDashes(prefix);
  const found = keyPattern.exec(content);
  if (found !== null) {
    scan.line(prefix);
    return { kind: 'value', path: scan.path(), from, word, siblings: new Map(), flow: false };
  }
  // Only the beginning of a name can become one: what holds a blank is prose.
  if (content !== word) return nowhere;
  scan.line(`${prefix.slice(0, prefix.length - word.length)}x:`);
  const siblings = beside(text, before.length, column);
  return { kind: 'key', path: scan.path().slice(0, -1), from, word, siblings, flow: false };
}

/** The names under a top-level field: the inputs, for example. */
export function namesUnder(text: string, top: string): string[] {
  const fields = fieldsOf(text);
  const start = fields.findIndex((field) => field.column === 0 && field.key === top);
  const column = fields[start + 1]?.column ?? 0;
  if (start < 0 || column === 0) return [];
  const names: string[] = [];
  for (const field of fields.slice(start + 1)) {
    if (field.column === 0) break;
    if (field.column === column) names.push(field.key);
  }
  return names;
}

/** Reads lines from the top, and knows at the end of each which keys enclose the next. */
class Scan {
  #levels: Level[] = [];
  /** The column of the key whose script goes on, while one does. */
  #script: number | null = null;
  /** A collection in brackets that is not closed yet. */
  #flow: string | null = null;

  line(line: string): void {
    if (this.#flow !== null) {
      this.#flow += `\n${line}`;
      if (closed(this.#flow)) this.#flow = null;
      return;
    }
    if (line.trim() === '' || this.inScript(line)) return;
    this.#script = null;
    if (/^\s*#/.test(line)) return;
    const { column, content, dashes } = afterDashes(line);
    for (const dash of dashes) {
      this.leave(dash, true);
      this.#levels.push({ column: dash, key: item });
    }
    const found = keyPattern.exec(content);
    const rest = found === null ? content : content.slice(found[0].length).trim();
    if (found !== null) {
      this.leave(column, false);
      this.#levels.push({ column, key: found[1] ?? found[2] ?? found[3] ?? '' });
    }
    if (/^[|>][\d+-]*\s*(#.*)?$/.test(rest)) this.#script = found === null ? (dashes.at(-1) ?? 0) : column;
    else if (/^[[{]/.test(rest) && !closed(rest)) this.#flow = rest;
  }

  /** Whether a line with this beginning still belongs to a script above it. */
  inScript(line: string): boolean {
    if (this.#script === null) return false;
    const indent = line.search(/\S/);
    return indent < 0 ? line.length > this.#script : indent > this.#script;
  }

  /** The brackets that are open at the end of `prefix`, and the keys around them. */
  open(prefix: string): { text: string; path: string[] } | null {
    if (this.#flow !== null) {
      const text = `${this.#flow}\n${prefix}`;
      return closed(text) ? null : { text, path: this.path() };
    }
    const { content } = afterDashes(prefix);
    const rest = content.replace(keyPattern, '').trimStart();
    if (!/^[[{]/.test(rest) || closed(rest)) return null;
    this.line(prefix);
    return { text: rest, path: this.path() };
  }

  path(): string[] {
    return this.#levels.map((level) => level.key);
  }

  private leave(column: number, dash: boolean): void {
    // A list may stand in the column of its key; then the key encloses it.
    while (this.#levels.length > 0) {
      const last = this.#levels.at(-1);
      if (last === undefined || last.column < column) return;
      if (dash && last.column === column && last.key !== item) return;
      this.#levels.pop();
    }
  }
}

/** The content of a line after `- `, where it begins, and where the dashes are. */
function afterDashes(line: string): { column: number; content: string; dashes: number[] } {
  const dashes: number[] = [];
  let column = Math.max(0, line.search(/\S|$/));
  for (;;) {
    const dash = /^-(\s+|$)/.exec(line.slice(column));
    if (dash === null) break;
    dashes.push(column);
    column += dash[0].length;
  }
  return { column, content: line.slice(column), dashes };
}

/** Whether every bracket of a collection is closed; what is inside quotes or a comment is none. */
function closed(text: string): boolean {
  let depth = 0;
  for (const [part] of text.matchAll(/'[^']*'|"(?:\\.|[^"\\])*"|(?<=\s)#[^\n]*|[[{]|[\]}]/g)) {
    if (part === '[' || part === '{') depth += 1;
    else if (part === ']' || part === '}') depth -= 1;
  }
  return depth <= 0;
}

function flowPlace(text: string, outer: readonly string[]): Pick<YamlPlace, 'kind' | 'path' | 'siblings'> {
  const frames: { map: boolean; key: string | null; siblings: Map<string, string> }[] = [];
  let word = '';
  for (const [part] of text.matchAll(/'[^']*'|"(?:\\.|[^"\\])*"|[[\]{},]|:(?=\s)|\s+|[^[\]{},:'"\s]+|./g)) {
    const frame = frames.at(-1);
    if (part === '{' || part === '[') frames.push({ map: part === '{', key: null, siblings: new Map() });
    else if (part === '}' || part === ']') frames.pop();
    else if (part === ':' && frame?.map === true && frame.key === null) frame.key = word;
    else if (part === ',' && frame !== undefined) {
      if (frame.key !== null) frame.siblings.set(frame.key, word);
      frame.key = null;
    } else if (part.trim() !== '') {
      word = part;
      continue;
    } else continue;
    word = '';
  }
  const last = frames.at(-1);
  const inner = frames.flatMap((frame) => (frame.map ? (frame.key === null ? [] : [frame.key]) : [item]));
  return {
    kind: last?.map === true && last.key === null ? 'key' : 'value',
    path: [...outer, ...inner],
    siblings: last?.siblings ?? new Map(),
  };
}

/** Every `key:` that begins a line (after its dashes), but those inside scripts and brackets. */
function fieldsOf(text: string): Field[] {
  const scan = new Scan();
  return text.split('\n').flatMap((line, at) => {
    const hidden = scan.inScript(line) || scan.open('') !== null;
    scan.line(line);
    if (hidden || /^\s*#/.test(line)) return [];
    const { column, content } = afterDashes(line);
    const found = keyPattern.exec(content);
    if (found === null) return [];
    const rest = content.slice(found[0].length).trim();
    return [{ line: at, column, key: found[1] ?? found[2] ?? found[3] ?? '', rest }];
  });
}

/** The fields of the mapping in this column that the line is (or would be) part of. */
function beside(text: string, line: number, column: number): Map<string, string> {
  const lines = text.split('\n');
  const at = new Map(fieldsOf(text).map((field) => [field.line, field]));
  const found = new Map<string, string>();
  const take = (n: number) => {
    const field = at.get(n);
    if (field?.column === column && n !== line) found.set(field.key, field.rest);
  };
  const starts = (n: number) => (lines[n] ?? '').search(/\S/);
  const own = starts(line);
  // A line that begins with a dash is the first of its item: what is above belongs to another.
  if (own < 0 || own >= column) {
    for (let n = line - 1; n >= 0; n -= 1) {
      take(n);
      if (starts(n) >= 0 && starts(n) < column) break;
    }
  }
  for (let n = line + 1; n < lines.length; n += 1) {
    if (starts(n) >= 0 && starts(n) < column) break;
    take(n);
  }
  return found;
}
