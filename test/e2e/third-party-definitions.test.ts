/** Definitions that well-known projects wrote, from packages of npm, with the real kubectl; objects after each project's documentation. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CustomResourceDefinition } from "../../src/apimachinery/schema/generated/types.ts";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { send } from "../tools/https.ts";
import { packageFolder, readDefinitions, readModels } from "./custom/packages.ts";
import { broken, objects } from "./custom/third-party-objects.ts";

const packages: readonly (readonly [string, readonly CustomResourceDefinition[], number])[] = [
	["Forklift", readDefinitions(join(packageFolder("crdtoapi"), "examples/forklift")), 8],
	["cert-manager", readModels(packageFolder("@kubernetes-models/cert-manager")), 16],
	["Gateway API", readModels(packageFolder("@kubernetes-models/gateway-api")), 9],
];
const definitions = packages.flatMap(([, list]) => list);
const nameOf = ({ metadata }: CustomResourceDefinition) => metadata?.name ?? "";

interface Published {
	readonly components: { readonly schemas: Record<string, { readonly "x-kubernetes-group-version-kind"?: readonly { kind: string }[] }> };
}

let cluster: TestCluster;
const run = (args: string, input?: string) => cluster.kubectl.run(args.split(" "), input);
const fails = async (args: string, input?: string) => (await cluster.kubectl.try(args.split(" "), input)).stderr;
/** Many small reads, without a kubectl for each. */
const raw = async <T>(path: string) => JSON.parse((await send(cluster, path)).text) as T;

beforeAll(async () => {
	cluster = await startTestCluster({ nodes: 1 });
	await run("create -f -", JSON.stringify({ apiVersion: "v1", kind: "List", items: definitions }));
	await run("wait --for=condition=Established --timeout=120s crd --all");
}, 180_000);
afterAll(() => cluster[Symbol.asyncDispose]());

describe("the definitions", () => {
	it.each(packages)("of %s are read from its package", (_, list, count) => {
		expect(list.length).toBe(count);
	});

	it("are all accepted as they are", async () => {
		const { items } = await raw<{ items: CustomResourceDefinition[] }>("/apis/apiextensions.k8s.io/v1/customresourcedefinitions");
		expect(items.map(nameOf)).toEqual(definitions.map(nameOf).sort());
		for (const { status, metadata } of items) {
			const states = (status?.conditions ?? []).map(({ type, status: state }) => `${type}=${state}`).sort();
			const isProtected = metadata?.name?.endsWith(".k8s.io");
			expect(states, metadata?.name).toEqual([
				"Established=True",
				...(isProtected ? ["KubernetesAPIApprovalPolicyConformant=True"] : []),
				"NamesAccepted=True",
			]);
		}
	});

	it("are served, in every version", async () => {
		const paths = definitions.flatMap(({ spec }) =>
			spec.versions.map(
				({ name }) => [`/apis/${spec.group}/${name}/${spec.names.plural}`, spec.names.kind, `${spec.group}/${name}`] as const,
			),
		);
		expect(paths.length).toBeGreaterThan(50);
		for (const [path, kind, apiVersion] of paths) {
			const reply = await raw<object>(path);
			expect(reply, path).toMatchObject({ kind: `${kind}List`, apiVersion, items: [] });
		}
	});

	it("are published for every version of their groups", async () => {
		for (const groupVersion of new Set(definitions.flatMap(({ spec }) => spec.versions.map(({ name }) => `${spec.group}/${name}`)))) {
			const document = await raw<Published>(`/openapi/v3/apis/${groupVersion}`);
			const [group, version] = groupVersion.split("/");
			const expected = definitions.filter(({ spec }) => spec.group === group && spec.versions.some(({ name }) => name === version));
			const kinds = Object.values(document.components.schemas).flatMap((schema) =>
				(schema["x-kubernetes-group-version-kind"] ?? []).map(({ kind }) => kind),
			);
			expect(kinds, groupVersion).toEqual(expect.arrayContaining(expected.map(({ spec }) => spec.names.kind)));
		}
	});

	it("are explained", async () => {
		expect(await run("explain plans.spec.vms.hooks.step")).toBe(
			"GROUP:      forklift.konveyor.io\nKIND:       Plan\nVERSION:    v1beta1\n\nFIELD: step <string>\n\n\nDESCRIPTION:\n    Pipeline step.\n    \n\n",
		);
		expect(await run("explain httproutes.spec.rules.matches.path --recursive")).toBe(
			"GROUP:      gateway.networking.k8s.io\nKIND:       HTTPRoute\nVERSION:    v1\n\nFIELD: path <Object>\n\n\nDESCRIPTION:\n    <empty>\nFIELDS:\n  type\t<string>\n  enum: Exact, PathPrefix, RegularExpression\n  value\t<string>\n\n",
		);
		expect(await run("explain certificates --api-version=cert-manager.io/v1alpha2 --recursive")).toContain("  keyAlgorithm\t<string>");
	});

	it("are applied again and again", async () => {
		const apply = (plural: string) =>
			run("apply -f -", JSON.stringify(definitions.find((definition) => nameOf(definition).startsWith(`${plural}.`))));
		const routes = "customresourcedefinition.apiextensions.k8s.io/httproutes.gateway.networking.k8s.io";
		expect([await apply("httproutes"), await apply("httproutes")]).toEqual([`${routes} configured\n`, `${routes} unchanged\n`]);
		// The file holds an empty status, which kubectl sends each time and which changes nothing.
		const plans = "customresourcedefinition.apiextensions.k8s.io/plans.forklift.konveyor.io";
		const versionOf = () => run("get crd plans.forklift.konveyor.io -o jsonpath={.metadata.resourceVersion}");
		expect(await apply("plans")).toBe(`${plans} configured\n`);
		const before = await versionOf();
		expect(await apply("plans")).toBe(`${plans} configured\n`);
		expect(await versionOf()).toBe(before);
	});
});

describe("objects of", () => {
	it.each(objects)("%s are taken, and read again as they were", async (_, manifest, names) => {
		expect(await run("apply --server-side -f -", manifest)).toBe(names.map((name) => `${name} serverside-applied\n`).join(""));
		expect(await run("apply --server-side -f -", manifest)).toBe(names.map((name) => `${name} serverside-applied\n`).join(""));
		expect((await run(`get ${names.join(" ")} -o name`)).trim().split("\n")).toEqual(names);
	});

	it.each(broken)("%s are refused with what is wrong", async (_, manifest, lines) => {
		expect((await fails("create -f -", manifest)).trimEnd().split("\n")).toEqual(lines);
	});
});
