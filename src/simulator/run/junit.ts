/**
 * JUnit's XML: a suite for each scenario, a test case for each expectation, as CI systems read it (the schema of
 * Jenkins' xUnit plugin). There are no times in it: how long a machine took is not a result.
 */
import type { ExpectationResult, Results } from './results.js';

/** The document, with a newline at its end. `runs`: in the order in which they are to stand. */
export function junitXml(runs: readonly Results[]): string {
  const all = runs.flatMap(({ expectations }) => expectations);
  const attributes = {
    name: 'grebe sim',
    tests: all.length,
    failures: all.filter(({ passed }) => !passed).length,
    errors: 0,
  };
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element('testsuites', attributes, runs.map(suite))}\n`;
}

function suite({ scenario, expectations }: Results): string {
  const failures = expectations.filter(({ passed }) => !passed).length;
  const attributes = {
    name: scenario.name,
    tests: expectations.length,
    failures,
    errors: 0,
    file: scenario.file,
  };
  const properties = Object.entries({
    seed: scenario.seed,
    virtual_seconds: scenario.duration,
  }).map(([name, value]) => element('property', { name, value }));
  const cases = expectations.map((expectation) => testCase(scenario.name, scenario.file, expectation));
  return element('testsuite', attributes, [element('properties', {}, properties), ...cases]);
}

function testCase(scenario: string, file: string, expectation: ExpectationResult): string {
  const { name, check, passed, expected, found, line } = expectation;
  const attributes = { classname: scenario, name, file, ...(line === null ? {} : { line }) };
  if (passed) return element('testcase', attributes);
  const place = line === null ? file : `${file}:${line}:${expectation.column ?? 1}`;
  const message = `expected ${expected}; found ${found}`;
  const failure = element('failure', { type: check, message }, [escaped(`${place}: ${message}`)]);
  return element('testcase', attributes, [failure]);
}

/** `content`: elements, or one escaped text. */
function element(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  content: readonly string[] = [],
): string {
  const words = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(String(value))}"`);
  const start = `<${name}${words.join('')}`;
  if (content.length === 0) return `${start}/>`;
  if (!content[0]!.startsWith('<')) return `${start}>${content.join('')}</${name}>`;
  // Texts have no line ends of their own: they are references.
  const inside = content.map((part) => `\n  ${part.replaceAll('\n', '\n  ')}`).join('');
  return `${start}>${inside}\n</${name}>`;
}

/** Text for XML 1.0; characters that it does not allow, not even written as references, become U+FFFD. */
function escaped(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replace(/[&<>"\t\n\r]/g, (c) => REFERENCES[c] ?? c);
}

/** Line ends as references, which attributes would otherwise lose. */
const REFERENCES: Readonly<Record<string, string>> = {
  ...{ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' },
  ...{ '\t': '&#9;', '\n': '&#10;', '\r': '&#13;' },
};
