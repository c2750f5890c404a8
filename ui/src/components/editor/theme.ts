// The editor's look, from the window's tokens: custom properties reach into its shadow tree, so both themes are one.

import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import type { Extension } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { tags } from '@lezer/highlight';

const mono = { fontFamily: 'var(--font-mono)', fontSize: 'var(--size-mono)', lineHeight: '20px' };
const ui = { fontFamily: 'var(--font-ui)', fontSize: 'var(--size-1)', lineHeight: '20px' };

/** A finding's shape beside its line: the editor's own are pictures in colours that are not ours. */
const marker = (shape: string, colour: string) => ({
  content: 'normal',
  width: '14px',
  textAlign: 'center',
  color: `var(${colour})`,
  '&::after': { content: `"${shape}"`, fontSize: '10px' },
});

const underline = (colour: string) => ({
  backgroundImage: 'none',
  // One by one: WebKit takes the line alone in the shorthand.
  textDecorationLine: 'underline',
  textDecorationStyle: 'wavy',
  textDecorationColor: `var(${colour})`,
  textDecorationSkipInk: 'none',
  textUnderlineOffset: '3px',
});

const look = EditorView.theme({
  '&': { height: '100%', backgroundColor: 'var(--surface-0)', color: 'var(--text-1)' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { ...mono, overflow: 'auto' },
  '.cm-content': { padding: '8px 0', userSelect: 'text', WebkitUserSelect: 'text', caretColor: 'var(--text-1)' },
  '.cm-line': { padding: '0 16px 0 8px' },
  '.cm-line ::selection, .cm-line::selection': { backgroundColor: 'var(--accent-soft) !important' },
  '.cm-gutters': { backgroundColor: 'var(--surface-0)', color: 'var(--text-3)', border: 'none', ...mono },
  '.cm-lineNumbers .cm-gutterElement': { minWidth: '36px', padding: '0 8px 0 4px' },
  '.cm-gutter-lint': { width: '20px' },
  '.cm-gutter-lint .cm-gutterElement': { padding: '0 2px' },
  '.cm-activeLine': { backgroundColor: 'transparent' },
  '&.cm-focused .cm-activeLine': { backgroundColor: 'var(--surface-1)' },
  '.cm-activeLineGutter': { backgroundColor: 'transparent', color: 'var(--text-1)' },
  '&.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--surface-3)', outline: 'none' },
  '.cm-lintRange-error': underline('--state-fail'),
  '.cm-lintRange-warning': underline('--state-change'),
  '.cm-lint-marker-error': marker('✕', '--state-fail'),
  '.cm-lint-marker-warning': marker('▲', '--state-change'),
  '.cm-tooltip': {
    ...ui,
    maxWidth: '440px',
    border: 'none',
    borderRadius: 'var(--radius)',
    backgroundColor: 'var(--surface-0)',
    color: 'var(--text-1)',
    boxShadow: 'var(--shadow)',
    zIndex: 'var(--z-popover)',
  },
  '.cm-tooltip p': { margin: '0' },
  '.cm-tooltip code': mono,
  '.cm-tooltip .about': { padding: '8px 12px' },
  '.cm-tooltip .about strong': { ...mono, fontWeight: '600' },
  '.cm-tooltip .about p': { color: 'var(--text-2)' },
  '.cm-diagnostic': { padding: '8px 12px', border: 'none', whiteSpace: 'pre-line' },
  '.cm-diagnostic-error': { boxShadow: 'inset 2px 0 0 var(--state-fail)' },
  '.cm-diagnostic-warning': { boxShadow: 'inset 2px 0 0 var(--state-change)' },
  '.cm-diagnosticAction': {
    ...ui,
    margin: '0 0 0 8px',
    padding: '0 8px',
    border: '1px solid var(--control-line)',
    borderRadius: 'var(--radius)',
    backgroundColor: 'transparent',
    color: 'var(--text-1)',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { ...mono, maxHeight: '240px', padding: '4px 0' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '0 12px', lineHeight: '24px' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': {
    backgroundColor: 'var(--accent-soft)',
    color: 'var(--text-1)',
  },
  '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '600', color: 'var(--accent-text)' },
  '.cm-completionDetail': { fontStyle: 'normal', color: 'var(--text-3)' },
  '.cm-tooltip.cm-completionInfo': { padding: '8px 12px', maxWidth: '300px', color: 'var(--text-2)', ...ui },
  '.cm-panels': { ...ui, backgroundColor: 'var(--surface-1)', color: 'var(--text-1)' },
  '.cm-panels-bottom': { borderTop: '1px solid var(--line)' },
  '.cm-panel.cm-search label': { fontSize: 'var(--size-0)' },
  '.cm-textfield, .cm-button': {
    ...ui,
    border: '1px solid var(--control-line)',
    borderRadius: 'var(--radius)',
    backgroundColor: 'var(--surface-0)',
    backgroundImage: 'none',
    color: 'var(--text-1)',
  },
  '.cm-searchMatch': { backgroundColor: 'var(--soft-warn)' },
  '.cm-searchMatch-selected': { backgroundColor: 'var(--soft-change)' },
  '.cm-placeholder': { color: 'var(--text-3)' },
});

const highlight = HighlightStyle.define([
  { tag: [tags.definition(tags.propertyName), tags.propertyName], color: 'var(--code-key)' },
  { tag: [tags.string, tags.special(tags.string), tags.attributeValue], color: 'var(--code-string)' },
  { tag: [tags.content, tags.literal], color: 'var(--text-1)' },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword, tags.meta], color: 'var(--code-literal)' },
  { tag: [tags.comment, tags.lineComment], color: 'var(--text-3)' },
  { tag: [tags.punctuation, tags.separator, tags.bracket], color: 'var(--text-2)' },
  { tag: tags.invalid, color: 'var(--state-fail)' },
]);

export const theme: Extension = [look, syntaxHighlighting(highlight)];
