/**
 * Which controllers run, as kube-controller-manager's --controllers says it: `*` are all that run by default, `foo` turns foo on,
 * `-foo` turns it off. The first that speaks of a controller decides.
 * Source: https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/
 */

/** @throws Error for a name that is none: `"foo" is not in the list of known controllers` */
export function chosenControllers(names: readonly string[], choice: readonly string[]): readonly string[] {
	const known = new Set(["*", ...names]);
	const stranger = choice.map((word) => word.replace(/^-/, "")).find((name) => !known.has(name));
	if (stranger !== undefined) throw new Error(`"${stranger}" is not in the list of known controllers`);
	return names.filter((name) => {
		const word = choice.find((each) => each === name || each === `-${name}`);
		return word === undefined ? choice.includes("*") : word === name;
	});
}
