/** The add-ons that there are, for whoever only reads their names. */
export type Addon = "coredns";

export const addonNames: readonly Addon[] = ["coredns"];

/** Throws an Error if there is no such add-on. */
export function readAddons(names: readonly string[]): readonly Addon[] {
	return names.map((name) => {
		const known = addonNames.find((each) => each === name);
		if (known === undefined) throw new Error(`there is no add-on ${JSON.stringify(name)}; there are: ${addonNames.join(", ")}`);
		return known;
	});
}
