/**
 * The rules that Kubernetes' documentation shows, on schemas that fit them.
 * Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
 * and https://kubernetes.io/docs/reference/using-api/cel/
 */
import { describe, expect, it } from "vitest";
import type { JsonObject, JsonValue } from "../../json.ts";
import type { JSONSchemaProps } from "../../schema/generated/types.ts";
import { compileRules } from "./compile-rules.ts";

const integer = { type: "integer" };
const text = { type: "string", maxLength: 100 };
const texts = { type: "array", maxItems: 10, items: text };
const moment = { type: "string", format: "date-time" };
const set = { ...texts, "x-kubernetes-list-type": "set" };
const widget = { type: "object", properties: { key: text, foo: integer, component: text } };

const schema: JsonObject = {
	type: "object",
	properties: {
		minReplicas: integer,
		replicas: integer,
		maxReplicas: integer,
		availableReplicas: integer,
		stateCounts: { type: "object", maxProperties: 10, additionalProperties: integer },
		list1: { type: "array", maxItems: 10, items: integer },
		list2: { type: "array", maxItems: 10, items: integer },
		envars: { type: "array", maxItems: 10, items: { type: "object", properties: { name: text, value: text } } },
		created: moment,
		ttl: { type: "string", format: "duration" },
		expired: moment,
		health: text,
		widgets: { type: "array", maxItems: 10, items: widget },
		containers: {
			type: "array",
			maxItems: 10,
			items: {
				type: "object",
				properties: {
					resources: { type: "object", properties: { requests: { type: "object", maxProperties: 3, additionalProperties: text } } },
				},
			},
		},
		x: { "x-kubernetes-int-or-string": true, maxLength: 10 },
		set1: set,
		set2: set,
		primary: { type: "object", properties: { priority: integer } },
		details: { type: "object", maxProperties: 5, additionalProperties: text },
		object: { type: "object", properties: { namespace: text, "x-prop": integer, redact__d: text } },
		names: texts,
		nameOrId: text,
		address: text,
		url: text,
		version: text,
	},
};

const value = {
	metadata: { name: "a" },
	minReplicas: 1,
	replicas: 2,
	maxReplicas: 3,
	availableReplicas: 2,
	stateCounts: { Available: 2, Degraded: 0 },
	list1: [1, 2],
	list2: [3],
	envars: [{ name: "MY_ENV", value: "a1" }],
	created: "2026-01-01T00:00:00Z",
	ttl: "1h",
	expired: "2026-01-01T02:00:00Z",
	health: "ok",
	widgets: [{ key: "x", foo: 5, component: "c" }],
	containers: [{ resources: { requests: { cpu: "1" } } }],
	x: "50%",
	set1: ["a", "b"],
	set2: ["b", "a"],
	primary: { priority: 2 },
	details: { key1: "value" },
	object: { namespace: "n", "x-prop": 1, redact__d: "x" },
	names: ["a", "b", "c"],
	nameOrId: "abc 123",
	address: "127.0.0.1",
	url: "https://example.com:80/path?k1=a&k2=b&k2=c",
	version: "1.2.3",
};

function holds(rule: string): boolean | readonly string[] {
	const { errors, validator } = compileRules({ ...schema, "x-kubernetes-validations": [{ rule }] } as JSONSchemaProps, { path: "" });
	if (errors.length > 0 || validator === undefined) return errors.map(String);
	const result = validator.validate(value as unknown as Readonly<Record<string, JsonValue>>, value as unknown as JsonObject);
	return result.errors.length === 0 && result.warnings.length === 0 ? true : [...result.errors.map(String), ...result.warnings];
}

describe("rules of the documentation", () => {
	it.each([
		"self.minReplicas <= self.replicas && self.replicas <= self.maxReplicas",
		"'Available' in self.stateCounts",
		"(self.list1.size() == 0) != (self.list2.size() == 0) || self.list1.size() + self.list2.size() > 0",
		// The documentation's own has matches(), whose cost is not bounded behind a filter: Kubernetes refuses it, too.
		"self.envars.filter(e, e.name == 'MY_ENV').all(e, e.value == 'a1')",
		"self.envars.all(e, e.name != 'MY_ENV' || e.value.matches('^[a-zA-Z]*1$'))",
		"has(self.expired) && self.created + self.ttl < self.expired",
		"self.health.startsWith('ok')",
		"self.widgets.exists(w, w.key == 'x' && w.foo < 10)",
		"type(self.x) == string ? self.x == '50%' : self.x == 1000",
		"self.metadata.name == 'a' || !has(self.metadata.name)",
		"self.set1.all(e, !(e in self.set2)) || self.set1 == self.set2",
		"self.names.size() == 3 && self.names.all(n, n.size() == 1)",
		"has(self.primary.priority) && self.primary.priority > 1",
		"self.details.all(key, key.matches('^[a-zA-Z]*[0-9]$'))",
		"self.object.__namespace__ == 'n' && self.object.x__dash__prop > 0 && self.object.redact__underscores__d == 'x'",
		"self.replicas == self.availableReplicas && self.stateCounts.all(k, self.stateCounts[k] >= 0)",
		"self.list1.isSorted() && self.list1.sum() == 3 && self.list1.max() == 2 && self.list1.indexOf(2) == 1",
		"self.nameOrId.find('[0-9]+') == '123' && self.nameOrId.findAll('[0-9]').size() == 3",
		"isURL(self.url) && url(self.url).getHost() == 'example.com:80' && url(self.url).getQuery()['k2'] == ['b', 'c']",
		"isIP(self.address) && ip(self.address).family() == 4 && cidr('127.0.0.0/8').containsIP(self.address)",
		"self.containers.all(c, !has(c.resources) || quantity(c.resources.requests['cpu']).isLessThan(quantity('2')))",
		"!format.dns1123Label().validate(self.health).hasValue()",
		"isSemver(self.version) && semver(self.version).isGreaterThan(semver('1.0.0'))",
		"self.replicas >= oldSelf.replicas && self.maxReplicas == oldSelf.maxReplicas",
		"self.names == ['a', 'b', 'c'] && sets.contains(self.names, ['a'])",
		"self.?primary.?priority.orValue(0) == 2 && self.stateCounts.all(k, v, k.size() > v)",
	])("%s", (rule) => {
		expect(holds(rule)).toBe(true);
	});
});
