// What keeps the window's walls where they are.

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..');

const files = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.(svelte|ts|css)$/.test(entry.name) && !entry.name.endsWith('.test.ts'))
  .map((entry) => join(entry.parentPath, entry.name))
  .map((path) => ({ path: relative(root, path).replaceAll('\\', '/'), text: readFileSync(path, 'utf8') }));

const offenders = (where: RegExp, what: RegExp, but = /^$/) =>
  files
    .filter((file) => where.test(file.path) && !but.test(file.path) && what.test(file.text))
    .map((file) => file.path);

describe('the window', () => {
  it('knows Tauri in one module only', () => {
    expect(offenders(/./, /@tauri-apps\//)).toEqual(['lib/host/tauri.ts']);
  });

  it('loads the editor with the place that shows it, not with the first paint', () => {
    expect(offenders(/./, /['"]@(codemirror|lezer)\//, /^components\/editor\/(CodeEditor|extensions|theme)\./)).toEqual(
      [],
    );
    expect(
      offenders(
        /./,
        /from '[^']*(CodeEditor\.svelte|\/extensions|editor\/theme)'/,
        /^components\/editor\/(CodeEditor|extensions)\./,
      ),
    ).toEqual([]);
  });

  it('reaches recorded data only behind the development switch', () => {
    expect(offenders(/./, /['"](\.\/|.*host\/)fake/, /^(lib\/host\/fake|tests)\//)).toEqual(['lib/host/index.ts']);
    const index = files.find((file) => file.path === 'lib/host/index.ts')?.text ?? '';
    // Both are constants of the build, and false in the one that is shipped.
    expect(index).toMatch(
      /if \(\(import\.meta\.env\.DEV \|\| import\.meta\.env\.MODE === 'measured'\) &&[\s\S]*await import\('\.\/fake'\)/,
    );
  });

  it('never writes markup from strings, evaluates text, or reaches out', () => {
    expect(offenders(/./, /\{@html|\binnerHTML\b|\beval\(|new Function\(|https?:\/\/(?!127\.0\.0\.1)/)).toEqual([]);
  });

  it('repairs the locale before anything else is imported', () => {
    const main = files.find((file) => file.path === 'main.ts')?.text ?? '';
    expect(main.split('\n').find((line) => line.startsWith('import'))).toBe("import './locale';");
  });

  it('takes every colour from a token', () => {
    expect(offenders(/\.(svelte|css)$/, /#[0-9a-f]{3,8};|rgba?\(|hsla?\(/i, /^styles\/tokens\.css$/)).toEqual([]);
  });

  it('keeps components small enough to be read at once', () => {
    const scriptAndMarkup = (text: string) => text.replace(/<style>[\s\S]*<\/style>/, '').split('\n').length;
    expect(
      files
        .filter((file) => file.path.endsWith('.svelte') && scriptAndMarkup(file.text) > 180)
        .map((file) => file.path),
    ).toEqual([]);
  });
});
