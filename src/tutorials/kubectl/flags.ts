/**
 * The flags of kubectl 1.35, by verb: those that this stand-in heeds, and those that kubectl has besides, so that a slip of the pen is told
 * from what is missing here. Source: `kubectl VERB --help`, https://kubernetes.io/docs/reference/kubectl/generated/
 */

interface Flags {
	/** What the stand-in heeds. */
	readonly here: string;
	/** What kubectl has besides. */
	readonly besides?: string;
}

/** Flags that many verbs have. */
const printing = "allow-missing-template-keys show-managed-fields template";
const folders = "kustomize recursive";
const making = `${printing} field-manager save-config validate`;
const changing = `${printing} ${folders} all dry-run field-manager`;
const rolling = `${printing} ${folders} field-manager output`;

/** Of any verb. */
const ofAll: Flags = {
	here: "as context kubeconfig namespace user",
	besides: `as-group as-uid as-user-extra cache-dir certificate-authority client-certificate client-key cluster disable-compression help insecure-skip-tls-verify
		kuberc log-flush-frequency match-server-version password profile profile-output request-timeout server tls-server-name token username v vmodule warnings-as-errors`,
};

const labelling: Flags = {
	here: "all-namespaces field-selector filename local output overwrite selector",
	besides: `${changing} list resource-version`,
};
const roles: Flags = { here: "dry-run output resource verb", besides: `${making} resource-name` };
const data: Flags = { here: "dry-run from-file from-literal output", besides: `${making} append-hash from-env-file` };
const bindings: Flags = { here: "clusterrole dry-run group output role serviceaccount user", besides: making };
const nameOnly: Flags = { here: "dry-run output", besides: making };

/** Before there is a verb it is empty. */
const ofVerb: Readonly<Record<string, Flags>> = {
	"": { here: "" },
	annotate: labelling,
	apply: {
		here: "filename force-conflicts server-side",
		besides: `${changing} cascade force grace-period openapi-patch output overwrite prune prune-allowlist selector subresource timeout validate wait`,
	},
	"config set-cluster": { here: "certificate-authority embed-certs server", besides: "insecure-skip-tls-verify proxy-url tls-server-name" },
	"config set-context": { here: "cluster", besides: "current" },
	"config set-credentials": {
		here: "token",
		besides: `auth-provider auth-provider-arg client-certificate client-key embed-certs exec-api-version exec-arg exec-command exec-env exec-interactive-mode
			exec-provide-cluster-info password username`,
	},
	"config use-context": { here: "" },
	"config view": { here: "minify output raw", besides: `${printing} flatten merge` },
	cordon: { here: "", besides: "dry-run selector" },
	create: { here: "dry-run filename output", besides: `${making} ${folders} edit raw selector windows-line-endings` },
	"create clusterrole": { ...roles, besides: `${roles.besides} aggregation-rule non-resource-url` },
	"create clusterrolebinding": bindings,
	"create configmap": data,
	"create deployment": { here: "dry-run image output replicas", besides: `${making} port` },
	"create job": { here: "dry-run image output", besides: `${making} from` },
	"create namespace": nameOnly,
	"create role": roles,
	"create rolebinding": bindings,
	"create secret generic": { ...data, besides: `${data.besides} type` },
	"create serviceaccount": nameOnly,
	"create token": { here: "duration", besides: `${printing} audience bound-object-kind bound-object-name bound-object-uid output` },
	delete: {
		here: "all all-namespaces cascade field-selector filename force grace-period now selector wait",
		besides: `${folders} dry-run ignore-not-found interactive output raw timeout`,
	},
	describe: { here: "all-namespaces filename selector", besides: `${folders} chunk-size show-events` },
	drain: {
		here: "delete-emptydir-data force ignore-daemonsets timeout",
		besides: "chunk-size disable-eviction dry-run grace-period pod-selector selector skip-wait-for-delete-timeout",
	},
	events: { here: "all-namespaces for", besides: `${printing} chunk-size no-headers output types watch` },
	exec: { here: "container stdin", besides: "filename pod-running-timeout quiet tty" },
	get: {
		here: "all-namespaces field-selector filename label-columns output raw selector show-labels",
		besides: `${printing} ${folders} chunk-size ignore-not-found no-headers output-watch-events server-print show-kind sort-by subresource watch watch-only`,
	},
	label: labelling,
	logs: {
		here: "container follow previous selector tail",
		besides: `all-containers all-pods ignore-errors insecure-skip-tls-verify-backend limit-bytes max-log-requests pod-running-timeout prefix since since-time
			timestamps`,
	},
	patch: { here: "filename local output patch subresource type", besides: `${changing} patch-file` },
	proxy: {
		here: "port",
		besides:
			"accept-hosts accept-paths address api-prefix append-server-path disable-filter keepalive reject-methods reject-paths unix-socket www www-prefix",
	},
	replace: {
		here: "filename",
		besides: `${making} ${folders} cascade dry-run force grace-period output raw subresource timeout wait`,
	},
	"rollout history": { here: "filename selector", besides: `${rolling} revision` },
	"rollout pause": { here: "filename selector", besides: rolling },
	"rollout restart": { here: "filename selector", besides: rolling },
	"rollout resume": { here: "filename selector", besides: rolling },
	"rollout status": { here: "filename selector timeout", besides: `${folders} revision watch` },
	"rollout undo": { here: "filename selector to-revision", besides: `${rolling} dry-run` },
	run: {
		here: "dry-run expose image output port restart",
		besides: `${making} ${folders} annotations attach cascade command env filename force grace-period image-pull-policy labels leave-stdin-open override-type overrides
			pod-running-timeout privileged quiet rm stdin timeout tty wait`,
	},
	scale: { here: "filename local output replicas selector", besides: `${changing} current-replicas resource-version timeout` },
	"set env": { here: "filename local output selector", besides: `${changing} containers env from keys list overwrite prefix resolve` },
	"set image": { here: "filename local output selector", besides: changing },
	"set resources": { here: "containers filename limits local output requests selector", besides: changing },
	"set selector": { here: "filename local output", besides: `${changing} resource-version` },
	taint: { here: "overwrite", besides: `${changing} output selector validate` },
	uncordon: { here: "", besides: "dry-run selector" },
	wait: { here: "all all-namespaces field-selector filename for selector timeout", besides: `${printing} ${folders} local output` },
};

const shortNames: Readonly<Record<string, string>> = {
	A: "all-namespaces",
	L: "label-columns",
	P: "www-prefix",
	R: "recursive",
	c: "container",
	e: "env",
	f: "filename",
	h: "help",
	i: "stdin",
	k: "kustomize",
	l: "selector",
	n: "namespace",
	o: "output",
	p: "patch",
	q: "quiet",
	r: "replicas",
	s: "server",
	t: "tty",
	u: "unix-socket",
	v: "v",
	w: "watch",
};
/** What short names mean to some verbs alone. */
const shortNamesOf: Readonly<Record<string, Readonly<Record<string, string>>>> = {
	delete: { i: "interactive" },
	logs: { f: "follow", p: "previous" },
	proxy: { p: "port", w: "www" },
	run: { l: "labels" },
	"set env": { c: "containers" },
	"set resources": { c: "containers" },
};

/** Flags that take no value, or one after `=`. */
const switches: ReadonlySet<string> = new Set([
	"all",
	"all-namespaces",
	"delete-emptydir-data",
	"embed-certs",
	"expose",
	"follow",
	"force",
	"force-conflicts",
	"ignore-daemonsets",
	"local",
	"minify",
	"now",
	"overwrite",
	"previous",
	"server-side",
	"show-labels",
	"stdin",
	"wait",
]);

/** All that are known here. */
export const verbsWithFlags: readonly string[] = Object.keys(ofVerb).filter((verb) => verb !== "");

/** The longest verb that the words begin with, `create secret generic` say; the words themselves if none is known. */
export function verbOf(args: readonly string[]): string {
	const starts = [3, 2, 1].map((length) => args.slice(0, length).join(" "));
	const known = starts.find((start) => Object.hasOwn(ofVerb, start));
	// What is created by flags has flags of its own, also of a kind that is not known here.
	return known === undefined || (known === "create" && args.length > 1) ? args.slice(0, 2).join(" ") : known;
}

/** Undefined: no verb has a flag of that letter. */
export function longName(letter: string, verb: string): string | undefined {
	return shortNamesOf[verb]?.[letter] ?? shortNames[letter];
}

export function isKnownVerb(verb: string): boolean {
	return Object.hasOwn(ofVerb, verb);
}

/** @param flag its long name; undefined: there is none of that letter */
export function whoKnows(flag: string | undefined, verb: string): "stand-in" | "kubectl" | "nobody" {
	const own = ofVerb[verb];
	if (flag === undefined) return "nobody";
	if (has(ofAll.here, flag) || has(own?.here, flag)) return "stand-in";
	return has(ofAll.besides, flag) || has(own?.besides, flag) ? "kubectl" : "nobody";
}

/** Of `config view` it takes none, of `get` it does. */
export function takesNoValue(flag: string, verb: string): boolean {
	return switches.has(flag) || (flag === "raw" && verb === "config view");
}

function has(names: string | undefined, name: string): boolean {
	return names?.split(/\s+/).includes(name) === true;
}
