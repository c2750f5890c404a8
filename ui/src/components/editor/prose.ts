// A sentence of the console as elements, for what the editor draws itself: what stands between backticks is code.

import { pieces } from '../../lib/state/markdown';

const tags = { text: 'span', code: 'code', strong: 'strong' } as const;

export function proseNode(text: string): HTMLElement {
  const node = document.createElement('p');
  for (const piece of pieces(text)) {
    node.appendChild(document.createElement(tags[piece.kind])).textContent = piece.text;
  }
  return node;
}
