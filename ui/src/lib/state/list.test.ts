import { describe, expect, it } from 'vitest';

import { ListModel, type ListKey } from './list.svelte';
import { holdOrder } from './order';

const key = (name: string, held: Partial<ListKey> = {}): ListKey => ({
  key: name,
  shiftKey: false,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  ...held,
});

function list(...ids: string[]): ListModel {
  const model = new ListModel();
  model.setIds(ids);
  return model;
}

describe('a list under the keyboard', () => {
  it('moves by arrows and j/k, and stops at its ends', () => {
    const model = list('a', 'b', 'c');
    for (const name of ['ArrowDown', 'j', 'j', 'j']) model.key(key(name));
    expect(model.cursor).toBe('c');
    model.key(key('k'));
    expect(model.cursor).toBe('b');
    model.key(key('Home'));
    model.key(key('ArrowUp'));
    expect(model.cursor).toBe('a');
  });

  it('opens with Enter, selects with Space, acts with x, and clears with Escape once', () => {
    const model = list('a', 'b');
    expect(model.key(key('Enter'))).toBeNull();
    model.key(key('j'));
    expect(model.key(key('Enter'))).toBe('open');
    expect(model.key(key(' '))).toBe('selected');
    expect([...model.selected]).toEqual(['a']);
    expect(model.key(key('x'))).toBe('act');
    expect(model.key(key('Escape'))).toBe('cleared');
    expect(model.key(key('Escape'))).toBeNull();
  });

  it('extends with Shift from where the selection began', () => {
    const model = list('a', 'b', 'c', 'd');
    model.key(key('j'));
    model.key(key('j'));
    model.key(key('ArrowDown', { shiftKey: true }));
    model.key(key('J', { shiftKey: true }));
    expect([...model.selected]).toEqual(['b', 'c', 'd']);
  });

  it('leaves keys with Ctrl, Alt or ⌘ alone', () => {
    const model = list('a');
    expect(model.key(key('j', { ctrlKey: true }))).toBeNull();
    expect(model.cursor).toBeNull();
  });

  it('keeps cursor and selection when data changes, and moves to the neighbour when its row goes', () => {
    const model = list('a', 'b', 'c');
    model.moveTo('b');
    model.toggle('b');
    model.setIds(['new', 'a', 'b', 'c']);
    expect(model.cursor).toBe('b');
    model.setIds(['new', 'a', 'c']);
    expect(model.cursor).toBe('c');
    expect(model.selected.size).toBe(0);
  });
});

describe('an order that is held', () => {
  it('keeps known rows in place, drops vanished ones and lets new ones wait', () => {
    expect(holdOrder(['a', 'b', 'c'], ['n1', 'c', 'n2', 'a'], true)).toEqual({ ids: ['a', 'c'], waiting: 2 });
  });

  it('follows as soon as it is released', () => {
    expect(holdOrder(['a', 'b'], ['b', 'a', 'n'], false)).toEqual({ ids: ['b', 'a', 'n'], waiting: 0 });
  });
});
