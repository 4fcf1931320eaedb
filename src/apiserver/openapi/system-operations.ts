/** Operations of paths that are not resources: discovery and the version. */
import type { GroupVersion } from "../../apimachinery/meta.ts";
import { groupWords, lowerFirst, operationPrefix } from "./names.ts";
import { type Operation, objectTypes, type PathOperations } from "./operations.ts";

const metaPackage = "io.k8s.apimachinery.pkg.apis.meta.v1";
const versionDefinition = "io.k8s.apimachinery.pkg.version.Info";

function read(
	path: string,
	operation: Pick<Operation, "id" | "description" | "tag"> & Partial<Operation>,
	definition: string,
): PathOperations {
	const common = { method: "get", consumes: objectTypes, produces: objectTypes, parameters: [], responses: [[200, definition]] } as const;
	return { path, parameters: [], operations: [{ ...common, ...operation }] };
}

/** `/api/`. */
export function coreVersionsOperation(): PathOperations {
	return read("/api/", { id: "getCoreAPIVersions", description: "get available API versions", tag: "core" }, `${metaPackage}.APIVersions`);
}

/** `/apis/`. */
export function groupsOperation(): PathOperations {
	return read("/apis/", { id: "getAPIVersions", description: "get available API versions", tag: "apis" }, `${metaPackage}.APIGroupList`);
}

/** `/apis/apps/`. */
export function groupOperation(group: string): PathOperations {
	const id = `get${groupWords(group)}APIGroup`;
	return read(
		`/apis/${group}/`,
		{ id, description: "get information of a group", tag: lowerFirst(groupWords(group)) },
		`${metaPackage}.APIGroup`,
	);
}

/** `/apis/apps/v1/`. */
export function resourcesOperation({ group, version }: GroupVersion): PathOperations {
	const path = group === "" ? `/api/${version}/` : `/apis/${group}/${version}/`;
	const tag = `${lowerFirst(groupWords(group))}_${version}`;
	const id = `get${operationPrefix(group, version)}APIResources`;
	return read(path, { id, description: "get available resources", tag }, `${metaPackage}.APIResourceList`);
}

/** `/version/`. */
export function versionOperation(): PathOperations {
	const json = ["application/json"];
	const operation = {
		id: "getCodeVersion",
		description: "get the version information for this server",
		tag: "version",
		consumes: json,
		produces: json,
	};
	return read("/version/", operation, versionDefinition);
}
