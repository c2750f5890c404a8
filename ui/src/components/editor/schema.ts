// The runbook's JSON Schema, asked along a path: which fields belong there, which values, and what each is about. It
// follows references and alternatives, and nothing else of JSON Schema: it helps to type; the checker decides.

import { item } from './place';

type Json = Record<string, unknown>;

export interface SchemaField {
  name: string;
  doc: string;
  required: boolean;
  /** Whether its value can be a mapping or list only. */
  nested: boolean;
}

export interface SchemaValue {
  text: string;
  doc: string;
}

/** References and alternatives inside each other; a schema that goes deeper is not ours. */
const depthMost = 24;

export class RunbookSchema {
  readonly #root: Json;

  constructor(root: unknown) {
    this.#root = isJson(root) ? root : {};
  }

  /** The fields of the mapping at `path`; alternatives that what is there already rules out are left out. */
  fields(path: readonly string[], siblings: ReadonlyMap<string, string> = new Map()): SchemaField[] {
    const fields = new Map<string, SchemaField>();
    for (const node of this.at(path).filter((one) => fits(one, siblings))) {
      const required = new Set(Array.isArray(node['required']) ? node['required'] : []);
      for (const [name, value] of Object.entries(properties(node))) {
        if (fields.has(name)) continue;
        const forms = this.expanded(value);
        fields.set(name, {
          name,
          doc: docOf(forms),
          required: required.has(name),
          nested: forms.every((form) => isNested(form)) && forms.some((form) => form['type'] !== undefined),
        });
      }
    }
    return [...fields.values()];
  }

  /** The words that can stand at `path`. */
  values(path: readonly string[]): SchemaValue[] {
    const values = new Map<string, SchemaValue>();
    const add = (value: unknown, doc: string) => {
      if (typeof value === 'object') return;
      const text = String(value);
      if (!values.has(text)) values.set(text, { text, doc });
    };
    for (const node of this.at(path)) {
      const doc = typeof node['description'] === 'string' ? node['description'] : '';
      if ('const' in node) add(node['const'], doc);
      if (Array.isArray(node['enum'])) for (const value of node['enum']) add(value, '');
      if (node['type'] === 'boolean') for (const value of [true, false]) add(value, '');
    }
    return [...values.values()];
  }

  /** What the schema says about what is at `path`. */
  doc(path: readonly string[]): string {
    return docOf(this.at(path));
  }

  private at(path: readonly string[]): Json[] {
    let nodes = this.expanded(this.#root);
    for (const part of path) {
      nodes = nodes.flatMap((node) => {
        if (part === item) return this.expanded(node['items']);
        const own = properties(node)[part];
        if (own !== undefined) return this.expanded(own);
        const patterns = Object.entries(isJson(node['patternProperties']) ? node['patternProperties'] : {});
        return [...patterns.map(([, value]) => value), node['additionalProperties']].flatMap((value) =>
          this.expanded(value),
        );
      });
    }
    return nodes;
  }

  /** A node with what it refers to and its alternatives, the outermost first. */
  private expanded(value: unknown, depth = 0): Json[] {
    if (!isJson(value) || depth > depthMost) return [];
    const target = typeof value['$ref'] === 'string' ? this.target(value['$ref']) : undefined;
    const branches = ['oneOf', 'anyOf', 'allOf'].flatMap((name) => (Array.isArray(value[name]) ? value[name] : []));
    // What holds for one word only is an alternative like any other: its own word rules it out.
    return [value, target, value['then'], ...branches].flatMap((part, at) => {
      if (part === undefined) return [];
      return at === 0 ? [value] : this.expanded(part, depth + 1);
    });
  }

  private target(reference: string): unknown {
    if (!reference.startsWith('#')) return undefined;
    let node: unknown = this.#root;
    for (const part of reference
      .slice(1)
      .split('/')
      .filter((one) => one !== '')) {
      const name = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
      node = isJson(node) ? node[name] : undefined;
    }
    return node;
  }
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function properties(node: Json): Json {
  return isJson(node['properties']) ? node['properties'] : {};
}

function docOf(forms: readonly Json[]): string {
  const doc = forms.map((form) => form['description']).find((one) => typeof one === 'string');
  return typeof doc === 'string' ? doc : '';
}

function isNested(form: Json): boolean {
  const type = form['type'];
  return type === undefined ? !('enum' in form || 'const' in form) : type === 'object' || type === 'array';
}

/** Whether an alternative can be the one that is written: none of its words says otherwise. */
function fits(node: Json, siblings: ReadonlyMap<string, string>): boolean {
  return Object.entries(properties(node)).every(([name, value]) => {
    const written = siblings.get(name);
    if (written === undefined || written === '' || !isJson(value)) return true;
    const words = 'const' in value ? [value['const']] : value['enum'];
    return !Array.isArray(words) || words.includes(written);
  });
}
