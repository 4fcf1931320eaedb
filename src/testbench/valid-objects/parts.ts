/** What valid objects are made of: names, labels, quantities, selectors. Each shrinks to its plainest form. */
import fc from "fast-check";

/** Part of an object, as JSON. */
export type Part = fc.Arbitrary<unknown>;
export type Parts = Readonly<Record<string, Part>>;

/** An object with all of the first parts, and any of the second. */
export function having(required: Parts, optional: Parts = {}): fc.Arbitrary<Readonly<Record<string, unknown>>> {
	return fc.record({ ...required, ...optional }, { requiredKeys: Object.keys(required) }) as fc.Arbitrary<
		Readonly<Record<string, unknown>>
	>;
}

export function oneOf<T>(first: T, ...rest: readonly T[]): fc.Arbitrary<T> {
	return fc.constantFrom(first, ...rest);
}

/** A few of them, none twice. */
export function some<T>(of: fc.Arbitrary<T>, min = 0, max = 3): fc.Arbitrary<T[]> {
	return fc.uniqueArray(of, { minLength: min, maxLength: max, comparator: (a, b) => JSON.stringify(a) === JSON.stringify(b) });
}

/** A few of them, with names that none of the others has. */
export function named(of: Part, min = 0, max = 3): fc.Arbitrary<readonly Readonly<Record<string, unknown>>[]> {
	return fc
		.uniqueArray(fc.tuple(label, of), { minLength: min, maxLength: max, selector: ([name]) => name })
		.map((entries) => entries.map(([name, part]) => ({ name, ...(part as object) })));
}

/** RFC 1123 label: `a`, `web-0`. */
export const label: fc.Arbitrary<string> = fc.stringMatching(/^[a-z]([-a-z0-9]{0,8}[a-z0-9])?$/);

/** Names of objects: two rarely are the same. */
export const objectName: fc.Arbitrary<string> = fc
	.tuple(label, fc.nat(0x7fffffff))
	.map(([name, number]) => `${name}-${number.toString(36)}`);

/** `web-1.example.com`. */
export const domainName: fc.Arbitrary<string> = objectName.map((name) => `${name}.example.com`);

/** `tier`, `example.com/tier`. */
export const qualifiedName: fc.Arbitrary<string> = fc.oneof(
	fc.stringMatching(/^[A-Za-z]([-A-Za-z0-9_.]{0,12}[A-Za-z0-9])?$/),
	label.map((name) => `example.com/${name}`),
);

export const labelValue: fc.Arbitrary<string> = fc.oneof(
	fc.constant(""),
	fc.stringMatching(/^[A-Za-z0-9]([-A-Za-z0-9_.]{0,12}[A-Za-z0-9])?$/),
);

export const labels = fc.dictionary(qualifiedName, labelValue, { maxKeys: 3, noNullPrototype: true });

/** Any text that JSON and etcd can hold. */
export const text: fc.Arbitrary<string> = fc.string({ unit: "grapheme", maxLength: 20 });

export const annotations = fc.dictionary(qualifiedName, text, { maxKeys: 3, noNullPrototype: true });

export const port = fc.integer({ min: 1, max: 65_535 });
export const seconds = fc.integer({ min: 1, max: 600 });
export const count = fc.integer({ min: 0, max: 5 });
/** Of few or of a share: `1`, `25%`. */
export const countOrPercent: Part = fc.oneof(
	fc.integer({ min: 1, max: 5 }),
	fc.integer({ min: 1, max: 100 }).map((share) => `${share}%`),
);
export const image = oneOf(
	"nginx",
	"nginx:1.27",
	"busybox",
	"redis:7",
	"registry.example.com/team/app:v1.2.3",
	`example.com/app@sha256:${"0".repeat(64)}`,
);

export const memory = fc.oneof(
	fc.integer({ min: 1, max: 4096 }).map((size) => `${size}Mi`),
	fc.integer({ min: 1, max: 4 }).map((size) => `${size}Gi`),
);
export const cpu = fc.oneof(
	fc.integer({ min: 1, max: 4000 }).map((share) => `${share}m`),
	fc.integer({ min: 1, max: 4 }).map(String),
);

const requirement = fc.oneof(
	having({ key: qualifiedName, operator: oneOf("In", "NotIn"), values: some(labelValue, 1) }),
	having({ key: qualifiedName, operator: oneOf("Exists", "DoesNotExist") }),
);

/** Any LabelSelector. */
export const selector: Part = having({}, { matchLabels: labels, matchExpressions: some(requirement) });

/** A NodeSelector with at least one term. */
export const nodeSelector: Part = having({
	nodeSelectorTerms: fc.array(having({ matchExpressions: fc.array(requirement, { minLength: 1, maxLength: 2 }) }), {
		minLength: 1,
		maxLength: 2,
	}),
});

/** Labels, with the selector that matches them. */
export const matched = fc.tuple(label, labels).map(([app, more]) => ({ labels: { ...more, app }, selector: { app } }));
export const matchLabels = matched.map(({ labels: own, selector: matchLabels }) => ({ labels: own, selector: { matchLabels } }));
