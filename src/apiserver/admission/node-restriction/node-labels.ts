/**
 * Which labels a kubelet may give its node.
 * Source: k8s.io/kubelet/pkg/apis/well_known_labels.go and plugin/pkg/admission/noderestriction.
 */

type Labels = Readonly<Record<string, string>>;

const kubeletLabels: ReadonlySet<string> = new Set([
	"kubernetes.io/hostname",
	"topology.kubernetes.io/zone",
	"topology.kubernetes.io/region",
	"failure-domain.beta.kubernetes.io/zone",
	"failure-domain.beta.kubernetes.io/region",
	"beta.kubernetes.io/instance-type",
	"node.kubernetes.io/instance-type",
	"kubernetes.io/os",
	"kubernetes.io/arch",
	"beta.kubernetes.io/os",
	"beta.kubernetes.io/arch",
	"node.kubernetes.io/windows-build",
]);
const kubeletDomains = ["kubelet.kubernetes.io", "node.kubernetes.io"];

/** Of the labels that differ, those that are not a kubelet's to change; in order. */
export function forbiddenLabels(labels: Labels = {}, old: Labels = {}): readonly string[] {
	return Object.keys({ ...labels, ...old })
		.filter((name) => labels[name] !== old[name])
		.filter((name) => isIn(domainOf(name), "node-restriction.kubernetes.io") || (isKubernetes(name) && !isKubelet(name)))
		.sort();
}

function domainOf(name: string): string {
	const slash = name.indexOf("/");
	return slash === -1 ? "" : name.slice(0, slash);
}

const isIn = (domain: string, parent: string): boolean => domain === parent || domain.endsWith(`.${parent}`);
const isKubernetes = (name: string): boolean => isIn(domainOf(name), "kubernetes.io") || isIn(domainOf(name), "k8s.io");
const isKubelet = (name: string): boolean => kubeletLabels.has(name) || kubeletDomains.some((domain) => isIn(domainOf(name), domain));
