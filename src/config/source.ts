/**
 * A YAML file as plain values, with the place of each. Reads YAML 1.2 (core schema: `off` and `no` are
 * strings) with anchors, aliases and merge keys (`<<`). Duplicate keys, custom tags, several documents in
 * one file and aliases that grow without bound are problems.
 */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Alias,
  type Document,
  type ErrorCode,
  type Node,
  type ParsedNode,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import { formatPath, quote, type ConfigPath, type ConfigProblem, type Position } from './problem.js';

/** Nodes that aliases may add, all together. Far above what a large configuration needs. */
const MAX_ALIASED_NODES = 1_000_000;
/** Lists and mappings in each other. */
const MAX_DEPTH = 64;

/** In other words than the parser's. */
const YAML_ERRORS: { [code in ErrorCode]?: string } = {
  MULTIPLE_DOCS: 'a second YAML document begins here, expected one in a file',
  RESOURCE_EXHAUSTION: 'lists and mappings are nested too deeply',
};

/** Offsets in the text of a value and of the key in front of it, and the same for what it holds. */
interface Place {
  readonly key: number;
  readonly value: number;
  /** Null for what holds nothing, as most values do. */
  children: Map<string, Place> | null;
}

export interface ProblemDetails {
  /** What is wrong: the value (default) or the key in front of it. */
  readonly of?: 'value' | 'key';
  readonly found?: string;
  readonly expected?: string;
}

/** Mappings are objects without prototype, so that a key `__proto__` is a key like any other. */
type Mapping = Record<string, unknown>;

export class Source {
  readonly value: unknown;
  readonly problems: ConfigProblem[] = [];
  /** Whether the text is YAML at all: if not, `value` says nothing. */
  readonly isYaml: boolean;
  private readonly lines = new LineCounter();
  private readonly length: number;
  private readonly root: Place = { key: 0, value: 0, children: null };
  private readonly anchors = new Map<string, Node>();
  private readonly targets = new Map<Alias, Node | undefined>();
  private readonly open = new Set<Node>();
  private aliasedNodes = 0;

  constructor(
    readonly file: string,
    text: string,
  ) {
    this.length = text.length;
    // Counted here, since the parser passes over some line ends of broken text.
    this.lines.addNewLine(0);
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1))
      this.lines.addNewLine(end + 1);
    const document = this.parse(text);
    this.isYaml = document !== null && this.problems.length === 0;
    this.value =
      this.isYaml && document?.contents ? this.read(document.contents, this.root, [], false) : null;
    // The nodes of the document are many times the size of what is kept.
    this.anchors.clear();
    this.targets.clear();
  }

  /** A file's text, without the byte order mark that some editors write. */
  static of(text: string, filename: string): Source {
    return new Source(filename, text.startsWith('\ufeff') ? text.slice(1) : text);
  }

  /**
   * Where the value at `path` stands (`key`: the key in front of it). What is not in the file has the place
   * of the nearest thing around it.
   */
  positionOf(path: ConfigPath, of: 'value' | 'key' = 'value'): Position {
    let place = this.root;
    let offset: number | undefined;
    for (const segment of path) {
      const child = place.children?.get(String(segment));
      if (child === undefined) return this.position(place.value);
      place = child;
      offset = of === 'key' ? child.key : child.value;
    }
    return this.position(offset ?? place.value);
  }

  /** Whether the file itself has something at `path`. */
  has(path: ConfigPath): boolean {
    let place: Place | undefined = this.root;
    for (const segment of path) place = place?.children?.get(String(segment));
    return place !== undefined;
  }

  /** Adds a problem. */
  report(path: ConfigPath, message: string, details: ProblemDetails = {}): void {
    this.reportAt(this.positionOf(path, details.of), path, message, details);
  }

  /** Adds a problem of the kind "found this, expected that". */
  mismatch(path: ConfigPath, found: string, expected: string): void {
    this.report(path, `found ${found}, expected ${expected}`, { found, expected });
  }

  private reportAt(at: Position, path: ConfigPath, message: string, details: ProblemDetails = {}): void {
    const { found = null, expected = null } = details;
    this.problems.push({ ...at, path: formatPath(path), found, expected, message });
  }

  private position(offset: number): Position {
    // An error at the end of the text may have its place behind it.
    const { line, col } = this.lines.linePos(Math.min(offset, this.length));
    return { file: this.file, line: Math.max(1, line), column: Math.max(1, col) };
  }

  private parse(text: string): Document.Parsed | null {
    try {
      const document = parseDocument(text, {
        prettyErrors: false,
        schema: 'core',
        // Found here instead, with the place of the first one, and without comparing each key with all.
        uniqueKeys: false,
      });
      for (const { code, message, pos } of worthTelling([...document.errors, ...document.warnings])) {
        this.reportAt(this.position(pos[0]), [], YAML_ERRORS[code] ?? message);
      }
      return document;
    } catch (error) {
      const why = error instanceof RangeError ? YAML_ERRORS.RESOURCE_EXHAUSTION : String(error);
      this.reportAt(this.position(0), [], why ?? '');
      return null;
    }
  }

  private read(node: Node, place: Place, path: ConfigPath, aliased: boolean): unknown {
    if (aliased && ++this.aliasedNodes > MAX_ALIASED_NODES) {
      if (this.aliasedNodes === MAX_ALIASED_NODES + 1) {
        this.report(path, `aliases stand for more than ${MAX_ALIASED_NODES} values in all`);
      }
      return null;
    }
    if (isAlias(node)) return this.readAlias(node, place, path, aliased);
    if (!aliased && node.anchor !== undefined) this.anchors.set(node.anchor, node);
    if (isScalar(node)) return node.value;
    if (path.length >= MAX_DEPTH) {
      this.report(path, `lists and mappings are nested more than ${MAX_DEPTH} deep`);
      return null;
    }
    this.open.add(node);
    let value: unknown = null;
    if (isSeq<ParsedNode>(node)) {
      const children = childrenOf(place);
      value = node.items.map((item, i) => {
        const child = placeOf(offsetOf(item, place.value), item);
        children.set(String(i), child);
        return this.read(item, child, [...path, i], aliased);
      });
    } else if (isMap<ParsedNode, ParsedNode | null>(node)) {
      value = this.readMapping(node, place, path, aliased);
    }
    this.open.delete(node);
    return value;
  }

  private readAlias(alias: Alias, place: Place, path: ConfigPath, aliased: boolean): unknown {
    // An alias means the anchor that stood last in front of it, also when it is read again through another.
    if (!aliased || !this.targets.has(alias)) this.targets.set(alias, this.anchors.get(alias.source));
    const target = this.targets.get(alias);
    if (target === undefined || this.open.has(target)) {
      const why =
        target === undefined ? 'has no anchor in front of it' : 'stands for something that it is part of';
      this.report(path, `the alias ${quote(`*${alias.source}`)} ${why}`);
      return null;
    }
    return this.read(target, place, path, true);
  }

  private readMapping(
    map: YAMLMap<ParsedNode, ParsedNode | null>,
    place: Place,
    path: ConfigPath,
    aliased: boolean,
  ): Mapping {
    const mapping = Object.create(null) as Mapping;
    const merges: { value: unknown; from: Place }[] = [];
    const children = childrenOf(place);
    for (const { key, value } of map.items) {
      const start = offsetOf(key, place.value);
      if (!isScalar(key)) {
        this.reportAt(this.position(start), path, 'a key must be a single word');
        continue;
      }
      const name = String(key.value);
      const at = [...path, name];
      const first = children.get(name);
      if (first !== undefined) {
        const { line } = this.position(first.key);
        this.reportAt(
          this.position(start),
          at,
          `the key ${quote(name)} is given twice (first on line ${line})`,
        );
        continue;
      }
      const child = placeOf(start, value);
      children.set(name, child);
      const read = value === null ? null : this.read(value, child, at, aliased);
      if (name === '<<' && key.type === 'PLAIN') {
        merges.push({ value: read, from: child });
      } else {
        mapping[name] = read;
      }
    }
    if (merges.length > 0) children.delete('<<');
    for (const { value, from } of merges) this.merge(value, from, mapping, children, path);
    return mapping;
  }

  /** `<<: *a` and `<<: [*a, *b]` (YAML 1.1 merge keys): what stands in the mapping itself wins, then the first. */
  private merge(
    value: unknown,
    from: Place,
    into: Mapping,
    places: Map<string, Place>,
    path: ConfigPath,
  ): void {
    const list: unknown[] = Array.isArray(value) ? value : [value];
    list.forEach((merged, i) => {
      if (typeof merged !== 'object' || merged === null || Array.isArray(merged)) {
        const message = 'expected a mapping, or a list of mappings, to merge';
        this.reportAt(this.position(from.value), [...path, '<<'], message);
        return;
      }
      const origin = Array.isArray(value) ? from.children?.get(String(i)) : from;
      for (const [name, entry] of Object.entries(merged)) {
        if (name in into) continue;
        into[name] = entry;
        const child = origin?.children?.get(name);
        if (child !== undefined) places.set(name, child);
      }
    });
  }
}

/** Without what only follows from an error: all tokens behind an unexpected one, all levels of a deep nest. */
function worthTelling(errors: readonly YAMLError[]): readonly YAMLError[] {
  const exhausted = errors.find(({ code }) => code === 'RESOURCE_EXHAUSTION');
  if (exhausted !== undefined) return [exhausted];
  const first = errors.find(({ code }) => code === 'UNEXPECTED_TOKEN');
  return errors.filter((error) => error === first || error.code !== 'UNEXPECTED_TOKEN');
}

function offsetOf(node: Node | null, otherwise: number): number {
  return node?.range?.[0] ?? otherwise;
}

function placeOf(key: number, value: Node | null): Place {
  return { key, value: offsetOf(value, key), children: null };
}

function childrenOf(place: Place): Map<string, Place> {
  return (place.children ??= new Map<string, Place>());
}
