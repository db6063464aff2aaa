import t from 'tap';
import { verdictsDocument } from '../../scripts/verdicts-document.js';
import {
  ANSWERS,
  DROP_REASONS,
  FIRST_ANSWER,
  FIRST_DROP,
  STAGES,
  VERDICT_LIMIT,
  VERDICTS,
} from '../../src/dataplane/verdicts.js';
import { read } from './tree.js';

t.test('docs/verdicts.md says what the table says (npm run generated)', async (t) => {
  t.equal(read('docs/verdicts.md'), verdictsDocument());
  for (const stage of STAGES)
    t.match(verdictsDocument(), new RegExp(`\\b${stage}\\b`), `the drawing has ${stage}`);
});

t.test('numbers and names are unique, and numbers fit the counters', async (t) => {
  t.equal(new Set(VERDICTS.map((v) => v.number)).size, VERDICTS.length, 'numbers');
  t.equal(new Set(VERDICTS.map((v) => v.name)).size, VERDICTS.length, 'names');
  for (const { number, name, explanation } of VERDICTS) {
    t.ok(Number.isInteger(number) && number > 0 && number < VERDICT_LIMIT, `${name} has a number in range`);
    t.match(name, /^[a-z]+(_[a-z]+)*$/);
    t.match(explanation, /^[A-Z].*\.$/, `${name} is explained in a sentence`);
  }
});

t.test('deliveries come first, then answers, drops follow in the order of the stages', async (t) => {
  for (const { name, number, stage } of VERDICTS) {
    t.equal(number < FIRST_ANSWER, stage === 'deliver', name);
    t.equal(number < FIRST_DROP, stage === 'deliver' || stage === 'answer', name);
  }
  t.same(
    ANSWERS.map(({ stage }) => stage),
    ['answer', 'answer'],
  );
  const order = DROP_REASONS.toSorted((a, b) => a.number - b.number).map((v) => STAGES.indexOf(v.stage));
  t.same(
    order,
    order.toSorted((a, b) => a - b),
  );
});

t.test('every reason that issue 2 asks for is there', async (t) => {
  const names = new Set(DROP_REASONS.map((v) => v.name));
  const asked = `frame_truncated ethertype_unsupported ip_bad_version ip_bad_header_length ip_truncated
    ip_bad_checksum outer_fragment not_for_us gre_truncated gre_bad_version gre_routing_present
    gre_reserved_bits gre_bad_checksum gre_unsupported_protocol endpoint_unknown gre_key_mismatch
    inner_bad_version inner_bad_header_length inner_truncated inner_bad_checksum inner_source_denied
    nesting_too_deep ttl_exceeded no_route mtu_exceeded`;
  for (const name of asked.split(/\s+/)) t.ok(names.has(name), name);
});
