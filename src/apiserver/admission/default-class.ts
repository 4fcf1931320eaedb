/**
 * DefaultStorageClass and DefaultIngressClass: what names no class gets the one that is marked as the default; of several, the
 * youngest. Source: plugin/pkg/admission/storage/storageclass/setdefault, plugin/pkg/admission/network/defaultingressclass.
 */
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Ingress, PersistentVolumeClaim } from "../../apimachinery/schema/generated/types.ts";
import type { AdmissionPlugin } from "./admission.ts";

const storageClassMarks = ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];
const ingressClassMarks = ["ingressclass.kubernetes.io/is-default-class"];

export const defaultStorageClass: AdmissionPlugin = {
	name: "DefaultStorageClass",
	handles: ({ operation, group, resource, subresource }) =>
		operation === "CREATE" && group === "" && resource === "persistentvolumeclaims" && subresource === "",
	mutate(object, { lookup }) {
		const claim: PersistentVolumeClaim = object;
		const named = claim.metadata?.annotations?.["volume.beta.kubernetes.io/storage-class"] ?? claim.spec?.storageClassName;
		if (named !== undefined) return object;
		const name = defaultOf(lookup.list("storage.k8s.io", "storageclasses"), storageClassMarks);
		return name === undefined ? object : ({ ...claim, spec: { ...claim.spec, storageClassName: name } } as PersistentVolumeClaim);
	},
};

export const defaultIngressClass: AdmissionPlugin = {
	name: "DefaultIngressClass",
	handles: ({ operation, group, resource, subresource }) =>
		operation === "CREATE" && group === "networking.k8s.io" && resource === "ingresses" && subresource === "",
	mutate(object, { lookup }) {
		const ingress: Ingress = object;
		const named = ingress.metadata?.annotations?.["kubernetes.io/ingress.class"] ?? ingress.spec?.ingressClassName;
		if (named !== undefined) return object;
		const name = defaultOf(lookup.list("networking.k8s.io", "ingressclasses"), ingressClassMarks);
		return name === undefined ? object : ({ ...ingress, spec: { ...ingress.spec, ingressClassName: name } } as Ingress);
	},
};

function defaultOf(classes: readonly KubeObject[], marks: readonly string[]): string | undefined {
	const isDefault = ({ metadata }: KubeObject) => marks.some((mark) => metadata?.annotations?.[mark] === "true");
	const age = ({ metadata }: KubeObject) => metadata?.creationTimestamp ?? "";
	// Timestamps of one form sort as text; the lists come in the order of names, which sorting keeps.
	const [youngest] = classes.filter(isDefault).sort((a, b) => (age(a) === age(b) ? 0 : age(a) > age(b) ? -1 : 1));
	return youngest?.metadata?.name;
}
