// The little Markdown that the console writes: headings, paragraphs, lists, code, and in a line code and bold. It becomes
// data, never markup.

export interface Piece {
  kind: 'text' | 'code' | 'strong';
  text: string;
}

export type Block =
  | { kind: 'heading' | 'paragraph'; text: string }
  | { kind: 'list'; ordered: boolean; items: string[] }
  | { kind: 'code'; text: string };

/** The text as blocks; what is no block of ours is a paragraph as it is written. */
export function blocks(text: string): Block[] {
  const found: Block[] = [];
  const lines = text.split('\n');
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] ?? '';
    if (line.trim() === '') {
      at += 1;
      continue;
    }
    const fence = /^```/.test(line);
    const end = fence ? lines.findIndex((one, n) => n > at && /^```/.test(one)) : ends(lines, at);
    const stop = end < 0 ? lines.length : end;
    if (fence) {
      found.push({ kind: 'code', text: lines.slice(at + 1, stop).join('\n') });
      at = stop + 1;
    } else {
      found.push(block(lines.slice(at, stop)));
      at = stop;
    }
  }
  return found;
}

const listItem = /^\s*(?:[-*]|(\d+)[.)])\s+/;
const heading = /^#{1,6}\s+/;

/** Where the block that begins at `at` ends. */
function ends(lines: readonly string[], at: number): number {
  if (heading.test(lines[at] ?? '')) return at + 1;
  const list = listItem.test(lines[at] ?? '');
  return lines.findIndex(
    (line, n) =>
      n > at && (line.trim() === '' || /^```/.test(line) || heading.test(line) || (!list && listItem.test(line))),
  );
}

function block(lines: readonly string[]): Block {
  const [first = ''] = lines;
  if (heading.test(first)) return { kind: 'heading', text: first.replace(heading, '') };
  const start = listItem.exec(first);
  if (start === null) return { kind: 'paragraph', text: lines.join(' ') };
  const items: string[] = [];
  for (const line of lines) {
    if (listItem.test(line)) items.push(line.replace(listItem, ''));
    else items.push(`${items.pop() ?? ''} ${line.trim()}`);
  }
  return { kind: 'list', ordered: start[1] !== undefined, items };
}

/** A line as pieces: code and bold apart from the rest. */
export function pieces(text: string): Piece[] {
  return text
    .split(/(`[^`]+`|\*\*[^*]+\*\*)/)
    .filter((part) => part !== '')
    .map((part) => {
      if (/^`[^`]+`$/.test(part)) return { kind: 'code', text: part.slice(1, -1) };
      return /^\*\*[^*]+\*\*$/.test(part) ? { kind: 'strong', text: part.slice(2, -2) } : { kind: 'text', text: part };
    });
}
