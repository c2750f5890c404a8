// What the editor is made of. CodeMirror puts its styles into adopted style sheets, which the content security policy
// allows, only where its root is a shadow tree: in a document it would insert a style element, which the policy refuses.

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import type { Completion, CompletionSource } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import { bracketMatching, indentOnInput, indentUnit } from '@codemirror/language';
import { lintGutter, lintKeymap, type Diagnostic } from '@codemirror/lint';
import { search, searchKeymap } from '@codemirror/search';
import { EditorState, type Extension, type Text } from '@codemirror/state';
import { EditorView, highlightActiveLine, hoverTooltip, keymap, lineNumbers } from '@codemirror/view';

import type { Finding } from '../../lib/wire/types';
import { aboutAt, offersAt, type Offer } from './completion';
import { proseNode } from './prose';
import type { RunbookSchema } from './schema';
import { theme } from './theme';

export interface EditorOptions {
  /** What a screen reader calls it. */
  label: string;
  readOnly: boolean;
  /** Null until it was read: then there is no completion yet. */
  schema: () => RunbookSchema | null;
  onchange: (text: string) => void;
}

/** How many offers are drawn; the schema's longest mapping is shorter. */
const offersMost = 60;

export function extensions(options: EditorOptions): Extension[] {
  return [
    lineNumbers(),
    lintGutter(),
    history(),
    highlightActiveLine(),
    indentOnInput(),
    indentUnit.of('  '),
    EditorState.tabSize.of(2),
    bracketMatching(),
    closeBrackets(),
    yaml(),
    theme,
    search(),
    autocompletion({ override: [source(options)], maxRenderedOptions: offersMost, icons: false }),
    about(options),
    keymap.of([
      ...closeBracketsKeymap,
      ...completionKeymap,
      ...lintKeymap,
      ...searchKeymap,
      ...historyKeymap,
      ...defaultKeymap,
      // Escape and then Tab leaves the editor: CodeMirror gives the next Tab to the window.
      indentWithTab,
    ]),
    EditorState.phrases.of({
      next: 'Next',
      previous: 'Previous',
      all: 'All',
      'match case': 'Match case',
      regexp: 'Regular expression',
      'by word': 'Whole words',
      replace: 'Replace',
      'replace all': 'Replace all',
      close: 'Close',
    }),
    EditorState.readOnly.of(options.readOnly),
    EditorView.contentAttributes.of({
      'aria-label': options.label,
      'aria-description': 'Escape, then Tab leaves the text',
      spellcheck: 'false',
      autocapitalize: 'off',
      'data-testid': 'editor-text',
    }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) options.onchange(update.state.doc.toString());
    }),
  ];
}

function source(options: EditorOptions): CompletionSource {
  return (context) => {
    const schema = options.schema();
    const before = context.matchBefore(/[\w.%-]+|\{\{ ?/);
    if (schema === null || (before === null && !context.explicit)) return null;
    const found = offersAt(context.state.doc.toString(), context.pos, schema);
    if (found === null) return null;
    return { from: found.from, options: found.offers.map(completion), validFor: /^[\w.%-]*$/ };
  };
}

function completion(offer: Offer): Completion {
  return {
    label: offer.label,
    type: offer.kind,
    apply: offer.insert,
    ...(offer.detail === '' ? {} : { detail: offer.detail }),
    ...(offer.doc === '' ? {} : { info: () => proseNode(offer.doc) }),
  };
}

function about(options: EditorOptions): Extension {
  return hoverTooltip((view, at) => {
    const schema = options.schema();
    const found = schema === null ? null : aboutAt(view.state.doc.toString(), at, schema);
    if (found === null) return null;
    const create = () => {
      const dom = document.createElement('div');
      dom.className = 'about';
      const title = dom.appendChild(document.createElement('strong'));
      title.textContent = found.title;
      dom.appendChild(proseNode(found.doc));
      return { dom };
    };
    return { pos: found.from, end: found.to, above: true, create };
  });
}

/** Where a finding is in the text. One that was made of an older text may lie beyond it: then it stands at the end. */
export function rangeOf(finding: Finding, doc: Text): { from: number; to: number } {
  if (finding.line > doc.lines) return { from: doc.length, to: doc.length };
  const line = doc.line(Math.max(1, finding.line));
  const from = line.from + units(line.text, finding.column - 1);
  const to = line.from + units(line.text, finding.column - 1 + finding.width);
  return { from, to: Math.max(from, to) };
}

/** Findings count characters; the editor counts UTF-16 units. */
function units(text: string, characters: number): number {
  return [...text].slice(0, Math.max(0, characters)).join('').length;
}

export function diagnostic(finding: Finding, doc: Text, onexplain: (code: string) => void): Diagnostic {
  return {
    ...rangeOf(finding, doc),
    severity: finding.error ? 'error' : 'warning',
    message: finding.hint === null ? finding.message : `${finding.message}\n${finding.hint}`,
    renderMessage: () => {
      const node = document.createElement('div');
      for (const line of [finding.message, finding.hint]) if (line !== null) node.appendChild(proseNode(line));
      return node;
    },
    actions: [
      {
        name: 'Explain',
        apply: () => {
          onexplain(finding.code);
        },
      },
    ],
  };
}
