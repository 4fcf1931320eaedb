import { expect, test } from "vitest";
import { parse, parseDocument } from "yaml";
import { formatKubeconfig, kubeconfigProblem, putEntry, removeEntry, standaloneKubeconfig } from "./kubeconfig-entry.ts";

const entry = { name: "kubesim", server: "https://127.0.0.1:6443", ca: "A", clientCertificate: "B", clientKey: "C" };

const alone = `apiVersion: v1
kind: Config
clusters:
- name: kubesim
  cluster:
    server: https://127.0.0.1:6443
    certificate-authority-data: QQ==
users:
- name: kubesim
  user:
    client-certificate-data: Qg==
    client-key-data: Qw==
contexts:
- name: kubesim
  context:
    cluster: kubesim
    user: kubesim
current-context: kubesim
`;

function edited(text: string, change: (document: ReturnType<typeof parseDocument>) => void): string {
	const document = parseDocument(text);
	change(document);
	return formatKubeconfig(document, text);
}

test("a kubeconfig with one cluster", () => {
	expect(standaloneKubeconfig(entry)).toBe(alone);
	expect(standaloneKubeconfig(entry, "shop")).toBe(alone.replace("    user: kubesim\n", "    user: kubesim\n    namespace: shop\n"));
});

test("a kubeconfig with one cluster is what a document with that entry is, whatever its name", () => {
	const names = [
		"kubesim",
		"true",
		"No",
		"null",
		"1.5",
		"0x1f",
		"a: b",
		"-",
		"~",
		'say "hi"',
		"",
		"a#b",
		"a #b",
		"https://[::1]:6443",
		"colon:",
	];
	for (const name of names) {
		const { contexts, clusters } = parse(standaloneKubeconfig({ ...entry, name, server: name }, name));
		expect(contexts).toEqual([{ name, context: { cluster: name, user: name, namespace: name } }]);
		expect(clusters[0]).toMatchObject({ name, cluster: { server: name } });
	}
});

test("putting what is there already changes nothing; a new address changes one line", () => {
	expect(edited(alone, (document) => putEntry(document, entry))).toBe(alone);
	const moved = edited(alone, (document) => putEntry(document, { ...entry, server: "https://127.0.0.1:7000" }));
	expect(moved).toBe(alone.replace("6443", "7000"));
});

test("lists that are null or empty are filled, and emptied again", () => {
	for (const empty of ["clusters:\nusers: null\ncontexts: ~\n", "clusters: []\nusers: []\ncontexts: []\n", "", "# only a comment\n"]) {
		const full = edited(empty, (document) => putEntry(document, entry));
		expect(parseDocument(full).toJS()).toEqual(parseDocument(alone).toJS());
		expect(full.startsWith("# only") ? full : "# only").toContain("# only");
		const emptied = edited(full, (document) => expect(removeEntry(document, "kubesim")).toBe(true));
		const parsed = parseDocument(emptied).toJS() as object;
		expect(parsed).toMatchObject({ clusters: [], users: [], contexts: [], "current-context": "" });
		expect(edited(emptied, (document) => expect(removeEntry(document, "kubesim")).toBe(false))).toBe(emptied);
	}
});

test("what is no kubeconfig is told in words", () => {
	const problem = (text: string) => kubeconfigProblem(parseDocument(text));
	expect(problem(alone)).toBeUndefined();
	expect(problem("")).toBeUndefined();
	expect(problem("- a")).toBe("it is not a YAML mapping");
	expect(problem("users: {}")).toBe("users is not a list");
	expect(problem("a: b: c")).toBe("Nested mappings are not allowed in compact mappings at line 1, column 4");
});
