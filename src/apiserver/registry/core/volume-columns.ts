/**
 * What PersistentVolumes and claims print alike. Source: pkg/apis/core/helper of Kubernetes 1.36.
 */

/** Access modes in the order and the letters of the columns. */
const abbreviations: readonly (readonly [string, string])[] = [
	["ReadWriteOnce", "RWO"],
	["ReadOnlyMany", "ROX"],
	["ReadWriteMany", "RWX"],
	["ReadWriteOncePod", "RWOP"],
];

export const accessModes = abbreviations.map(([mode]) => mode);

/** `RWO,ROX`. */
export function formatAccessModes(modes: readonly string[] | undefined): string {
	return abbreviations.flatMap(([mode, letters]) => (modes?.includes(mode) === true ? [letters] : [])).join(",");
}

/** The class by field, or by the annotation that was there before the field. */
export function storageClassOf(annotations: Readonly<Record<string, string>> | undefined, storageClassName: string | undefined): string {
	return annotations?.["volume.beta.kubernetes.io/storage-class"] ?? storageClassName ?? "";
}
