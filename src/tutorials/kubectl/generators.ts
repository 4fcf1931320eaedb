/** Objects made of flags: create, run. Source: https://kubernetes.io/docs/reference/kubectl/generated/kubectl_create/ */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { type Call, mapOf, splitAt } from "./call.ts";

type Generator = (call: Call, name: string) => Promise<readonly object[]> | readonly object[];

/** By what follows `create`. */
export const generators: Readonly<Record<string, Generator>> = {
	namespace: (_, name) => [{ apiVersion: "v1", kind: "Namespace", metadata: { name } }],
	serviceaccount: (_, name) => [{ apiVersion: "v1", kind: "ServiceAccount", metadata: { name } }],
	configmap: async (call, name) => [{ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: await dataOf(call) }],
	"secret generic": async (call, name) => {
		const entries = Object.entries(await dataOf(call)).map(([key, value]) => [key, Buffer.from(value).toString("base64")]);
		return [{ apiVersion: "v1", kind: "Secret", metadata: { name }, data: Object.fromEntries(entries) }];
	},
	job: (call, name) => {
		const containers = [{ name, image: call.flag("image"), ...(call.command.length === 0 ? {} : { command: call.command }) }];
		return [
			{ apiVersion: "batch/v1", kind: "Job", metadata: { name }, spec: { template: { spec: { containers, restartPolicy: "Never" } } } },
		];
	},
	deployment: (call, name) => {
		const image = call.flag("image") ?? "";
		const labels = { app: name };
		const containers = [{ name: basename(image).split(/[:@]/)[0], image }];
		const template = { metadata: { labels }, spec: { containers } };
		const spec = { replicas: Number(call.flag("replicas") ?? 1), selector: { matchLabels: labels }, template };
		return [{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name, labels }, spec }];
	},
	role: async (call, name) => [{ apiVersion: rbac, kind: "Role", metadata: { name }, rules: await rulesOf(call) }],
	clusterrole: async (call, name) => [{ apiVersion: rbac, kind: "ClusterRole", metadata: { name }, rules: await rulesOf(call) }],
	rolebinding: (call, name) => [{ apiVersion: rbac, kind: "RoleBinding", metadata: { name }, ...bindingOf(call) }],
	clusterrolebinding: (call, name) => [{ apiVersion: rbac, kind: "ClusterRoleBinding", metadata: { name }, ...bindingOf(call) }],
};

/** `kubectl run NAME --image I`, with `--expose` a Service, too. */
export function podOfFlags(call: Call, name: string): readonly object[] {
	const labels = { run: name };
	const port = Number(call.flag("port"));
	const container = {
		name,
		image: call.flag("image"),
		...(port > 0 ? { ports: [{ containerPort: port }] } : {}),
		...(call.command.length === 0 ? {} : { args: call.command }),
	};
	const spec = { containers: [container], dnsPolicy: "ClusterFirst", restartPolicy: call.flag("restart") ?? "Always" };
	const pod = { apiVersion: "v1", kind: "Pod", metadata: { name, labels }, spec };
	if (!call.isOn("expose")) return [pod];
	const ports = [{ port, targetPort: port, protocol: "TCP" }];
	return [{ apiVersion: "v1", kind: "Service", metadata: { name }, spec: { selector: labels, ports } }, pod];
}

/** Resolves to the objects that `create` was asked for; undefined if it is of a kind that is not known here. */
export async function generated(call: Call): Promise<readonly KubeObject[] | undefined> {
	const [kind = "", second = "", third = ""] = call.args;
	const withType = generators[`${kind} ${second}`];
	const objects = withType === undefined ? await generators[kind]?.(call, second) : await withType(call, third);
	return objects as readonly KubeObject[] | undefined;
}

const rbac = "rbac.authorization.k8s.io/v1";

/** `--from-literal`, `--from-file` */
async function dataOf(call: Call): Promise<Readonly<Record<string, string>>> {
	const data: Record<string, string> = { ...mapOf(call.values("from-literal")) };
	for (const file of call.values("from-file")) {
		const [key, path] = file.includes("=") ? splitAt(file, "=") : [basename(file), file];
		data[key] = await readFile(path, "utf8");
	}
	return data;
}

/** `--verb`, `--resource`: a rule for each group. */
async function rulesOf(call: Call): Promise<readonly object[]> {
	const byGroup = new Map<string, string[]>();
	for (const each of call.list("resource")) {
		const [name, subresource] = splitAt(each, "/");
		const { group, resource } = await call.api.resource(name);
		byGroup.set(group, [...(byGroup.get(group) ?? []), subresource === "" ? resource : `${resource}/${subresource}`]);
	}
	return [...byGroup].map(([group, resources]) => ({ apiGroups: [group], resources, verbs: call.list("verb") }));
}

function bindingOf(call: Call): object {
	const role = call.flag("role");
	const roleRef = {
		apiGroup: "rbac.authorization.k8s.io",
		kind: role === undefined ? "ClusterRole" : "Role",
		name: role ?? call.flag("clusterrole"),
	};
	const account = (text: string) => {
		const [namespace, name] = splitAt(text, ":");
		return { kind: "ServiceAccount", namespace, name };
	};
	const other = (kind: string) => (name: string) => ({ apiGroup: "rbac.authorization.k8s.io", kind, name });
	const subjects = [
		...call.list("user").map(other("User")),
		...call.list("group").map(other("Group")),
		...call.list("serviceaccount").map(account),
	];
	return { roleRef, subjects };
}
