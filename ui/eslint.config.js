import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';

import svelteConfig from './svelte.config.js';

const onlyTheHostKnowsTauri = {
  patterns: [{ group: ['@tauri-apps/*'], message: 'Only src/lib/host may know Tauri: import its api instead.' }],
};

export default ts.config(
  { ignores: ['dist', 'node_modules', 'src/lib/wire/types.ts'] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...ts.configs.stylistic,
  ...svelte.configs['flat/recommended'],
  {
    languageOptions: { globals: { ...globals.browser } },
    rules: {
      'no-restricted-imports': ['error', onlyTheHostKnowsTauri],
      'no-console': 'error',
      'no-eval': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      '@typescript-eslint/consistent-type-imports': 'error',
    },
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: {
      parserOptions: { parser: ts.parser, extraFileExtensions: ['.svelte'], svelteConfig },
    },
    rules: {
      'svelte/no-at-html-tags': 'error',
      'svelte/button-has-type': 'error',
      // Collections are held in `$state.raw` and replaced, never changed in place.
      'svelte/prefer-svelte-reactivity': 'off',
      // Links are hash routes inside one document; there is no SvelteKit to resolve them.
      'svelte/no-navigation-without-resolve': 'off',
    },
  },
  { files: ['src/lib/host/**'], rules: { 'no-restricted-imports': 'off' } },
  { files: ['*.config.js', '*.config.ts', 'src/**/*.test.ts'], languageOptions: { globals: { ...globals.node } } },
);
