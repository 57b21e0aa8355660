/**
 * What a definition of the right form can still have wrong: a rule that would make a
 * live key look dead, one that no answer reaches, a step that leads nowhere, a name
 * that nothing has, a secret in an address. Each is told with the index of its step and rule.
 */
import type { Provider, Rule, Source, Step, When } from "./provider.ts";
import { applies } from "./requests.ts";
import {
  type DefinitionFault,
  listAddressFaults,
  listBrokenBraces,
  listBrokenFields,
  listControlCharacters,
  listNoteFaults,
  listPathFaults,
  listSecretsInAddress,
  listTexts,
  namePattern,
  type Place,
} from "./text-faults.ts";

type Facts = { [Fact in "expires_at" | "scopes" | "identity"]?: { from: Source } | undefined };

const deadVerdicts = new Set<Rule["verdict"]>(["invalid", "expired", "revoked"]);

/** In the order of the definition; none when it can be used. */
export function listDefinitionFaults(provider: Provider): DefinitionFault[] {
  const fields = new Set(Object.keys(provider.fields));
  const { base_url, auth_endpoint, token_endpoint } = provider;
  const place = { path: [], name: "the provider" };
  const addresses = { base_url, auth_endpoint, token_endpoint };
  return [
    ...listControlCharacters(provider, place),
    ...listUnknownNames(addresses, fields, place),
    ...listAddressTextFaults(addresses, provider, place),
    ...(base_url !== null && provider.check.kind === "http"
      ? listAddressFaults(base_url, { ...place, path: ["base_url"] })
      : []),
    ...listCheckFaults(provider, fields),
    ...Object.keys(provider.negative_control?.fields ?? {}).flatMap((name) =>
      refuseUnknown(name, fields, { path: ["negative_control", "fields", name], name: "the negative control" }),
    ),
  ];
}

function listCheckFaults(provider: Provider, fields: ReadonlySet<string>): DefinitionFault[] {
  const { check } = provider;
  const place = { path: ["check"], name: "the check" };
  switch (check.kind) {
    case "http":
      return check.steps.flatMap((step, index) => listStepFaults(provider, check.steps, step, index));
    case "postgres":
      return [
        ...refuseUnknown(check.connection_url, fields, { ...place, path: ["check", "connection_url"] }),
        ...listUnreachable(check.rules, place),
        ...listNotesFaults(check.rules, place),
        ...listUnknownClaims(check, fields, place),
      ];
    case "smtp": {
      const { host, port, secure, user, password } = check;
      return [
        ...listUnknownNames({ host, port, secure, user, password }, fields, place),
        ...listAddressTextFaults({ host, port }, provider, place),
        ...listBraces({ secure, user, password }, place),
        ...listUnreachable(check.rules, place),
        ...listNotesFaults(check.rules, place),
      ];
    }
    case "none":
      return [];
  }
}

function listStepFaults(provider: Provider, steps: readonly Step[], step: Step, index: number): DefinitionFault[] {
  const place = { path: ["check", "steps", index], name: `step ${index}` };
  const fields = new Set(Object.keys(provider.fields));
  const captured = steps.slice(0, index).flatMap(({ capture }) => Object.keys(capture ?? {}));
  const known = new Set([...fields, ...captured]);
  const { base_url, path, headers, form, auth } = step;
  return [
    ...step.when.flatMap(({ field }, at) =>
      refuseUnknown(field, fields, { ...place, path: [...place.path, "when", at, "field"] }),
    ),
    // A credential is bound to the addresses that its own fields make: nothing that a service answers stands in one.
    ...listUnknownNames({ base_url }, fields, place),
    ...listStepAddressFaults(provider, step, place),
    ...listUnknownNames({ path, headers, form, json: step.json }, known, place),
    ...listBraces({ path, headers, form, auth }, place),
    ...listTexts({ json: step.json }, place).flatMap(({ text, place: at }) => listBrokenFields(text, known, at)),
    ...(auth?.kind === "google_jwt"
      ? refuseUnknown(auth.service_account, known, { ...place, path: [...place.path, "auth", "service_account"] })
      : listUnknownNames({ auth }, known, place)),
    ...listHastyVerdicts(step.rules, place),
    ...listUnreachable(step.rules, place),
    ...listNotesFaults(step.rules, place),
    ...listDeadEnds(step, steps.slice(index + 1), place),
    ...listUnknownClaims(step, known, place),
  ];
}

/** Where the step is sent; Google's token endpoint is the engine's own. */
function listStepAddressFaults(provider: Provider, step: Step, place: Place): DefinitionFault[] {
  const { base_url, path, auth } = step;
  const at = { ...place, path: [...place.path, "base_url"] };
  const hasNone = base_url === undefined && provider.base_url === null && auth?.kind !== "google_jwt";
  return [
    ...listAddressTextFaults({ base_url }, provider, place),
    ...(base_url === undefined ? [] : listAddressFaults(base_url, at)),
    ...(hasNone ? [{ path: at.path, message: `an address: neither ${place.name} nor the provider has one` }] : []),
    ...listPathFaults(path, { ...place, path: [...place.path, "path"] }),
  ];
}

function listAddressTextFaults(texts: unknown, { fields }: Provider, place: Place): DefinitionFault[] {
  const secrets = new Set(Object.keys(fields).filter((name) => fields[name]?.type === "secret"));
  return [
    ...listTexts(texts, place).flatMap(({ text, place: at }) => listSecretsInAddress(text, secrets, at)),
    ...listBraces(texts, place),
  ];
}

function listBraces(texts: unknown, place: Place): DefinitionFault[] {
  return listTexts(texts, place).flatMap(({ text, place: at }) => listBrokenBraces(text, at));
}

function listNotesFaults(rules: readonly Rule[], place: Place): DefinitionFault[] {
  return rules.flatMap(({ note }, index) => listNoteFaults(note, ruleOf(place, index, "note")));
}

/** Dead verdicts from an answer that is the service's fault, or asks for patience. */
function listHastyVerdicts(rules: readonly Rule[], place: Place): DefinitionFault[] {
  return rules.flatMap(({ status, verdict }, index) => {
    const faults = deadVerdicts.has(verdict) ? status.filter(provesNothing) : [];
    if (faults.length === 0) return [];
    const at = ruleOf(place, index, "status");
    return [{ path: at.path, message: `a verdict that is not dead for ${faults.join(", ")} (${at.name})` }];
  });
}

/** `4xx` has 408, 425 and 429 in it. */
function provesNothing(status: Rule["status"][number]): boolean {
  if (typeof status === "string") return status === "4xx";
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

/** Rules all of whose statuses were decided before by rules that ask for nothing else. */
function listUnreachable(rules: readonly Rule[], place: Place): DefinitionFault[] {
  const decided = new Set<Rule["status"][number]>();
  return rules.flatMap(({ status, header, body }, index) => {
    const isLate = status.every((wanted) => decided.has(wanted) || decided.has(classOf(wanted)));
    if (header === undefined && body === undefined) for (const wanted of status) decided.add(wanted);
    const at = ruleOf(place, index, "status");
    return isLate
      ? [{ path: at.path, message: `a status that no earlier rule has decided: nothing reaches ${at.name}` }]
      : [];
  });
}

function classOf(status: Rule["status"][number]): string {
  return typeof status === "number" ? `${Math.floor(status / 100)}xx` : status;
}

/** `next` where no credential has a next step: it would never come to a verdict. */
function listDeadEnds(step: Step, later: readonly Step[], place: Place): DefinitionFault[] {
  if (later.some(({ when }) => canBothApply(step.when, when))) return [];
  return step.rules.flatMap(({ verdict }, index) => {
    if (verdict !== "next") return [];
    const at = ruleOf(place, index, "verdict");
    return [{ path: at.path, message: `a verdict: no later step can follow ${at.name}` }];
  });
}

function canBothApply(one: readonly When[], other: readonly When[]): boolean {
  return !one.some((first) => other.some((second) => excludes(first, second) || excludes(second, first)));
}

/** Whether no value of the field fits both, as far as the first can tell. */
function excludes(first: When, second: When): boolean {
  const { field } = first;
  if (field !== second.field) return false;
  if ("equals" in first) return !applies(second, { [field]: first.equals });
  if ("is" in first) return first.is === "absent" && !applies(second, {});
  if (!("starts_with" in first)) return false;
  if ("not_starts_with" in second) return first.starts_with.startsWith(second.not_starts_with);
  if (!("starts_with" in second)) return false;
  return !first.starts_with.startsWith(second.starts_with) && !second.starts_with.startsWith(first.starts_with);
}

function listUnknownClaims(facts: Facts, known: ReadonlySet<string>, place: Place): DefinitionFault[] {
  const { expires_at, scopes, identity } = facts;
  return Object.entries({ expires_at, scopes, identity }).flatMap(([name, fact]) =>
    fact !== undefined && "field" in fact.from
      ? refuseUnknown(fact.from.field, known, { ...place, path: [...place.path, name, "from", "field"] })
      : [],
  );
}

/** Names in the texts of a value, however deep, that nothing has. */
function listUnknownNames(value: unknown, known: ReadonlySet<string>, place: Place): DefinitionFault[] {
  return listTexts(value, place).flatMap(({ text, place: at }) =>
    [...text.matchAll(namePattern)].flatMap(([, name = ""]) => refuseUnknown(name, known, at)),
  );
}

function refuseUnknown(name: string, known: ReadonlySet<string>, { path, name: where }: Place): DefinitionFault[] {
  if (known.has(name)) return [];
  return [{ path, message: `a known field: ${name} is none (${where}; known: ${[...known].join(", ")})` }];
}

function ruleOf({ path, name }: Place, index: number, key: "status" | "verdict" | "note"): Place {
  return { path: [...path, "rules", index, key], name: `rule ${index} of ${name}` };
}
