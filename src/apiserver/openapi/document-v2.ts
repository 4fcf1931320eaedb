/** Writes an OpenAPI 2 (Swagger) document. Source: https://swagger.io/specification/v2/ */
import type { GroupVersion } from "../../apimachinery/meta.ts";
import type { JsonSchema } from "./json-schema.ts";
import type { Operation, PathOperations } from "./operations.ts";
import type { Parameter } from "./parameters.ts";
import { type CustomDefinitions, type Descriptions, SchemaWriter } from "./schemas.ts";

/** The document as a JSON value. */
export function writeV2(
	paths: readonly PathOperations[],
	groupVersions: readonly GroupVersion[],
	descriptions: Descriptions,
	version: string,
	custom: CustomDefinitions = new Map(),
): JsonSchema {
	const schemas = new SchemaWriter("v2", descriptions, groupVersions, custom);
	const items = paths.map((path) => [path.path, pathItem(path, schemas)] as const).sort(([a], [b]) => (a < b ? -1 : 1));
	return {
		swagger: "2.0",
		info: { title: "Kubernetes", version },
		paths: Object.fromEntries(items),
		definitions: schemas.definitions(),
		securityDefinitions: {
			BearerToken: { description: "Bearer Token authentication", type: "apiKey", name: "authorization", in: "header" },
		},
		security: [{ BearerToken: [] }],
	};
}

function pathItem(path: PathOperations, schemas: SchemaWriter): JsonSchema {
	const operations = path.operations.map((operation) => [operation.method, writeOperation(operation, schemas)]);
	return {
		...Object.fromEntries(operations),
		...(path.parameters.length === 0 ? {} : { parameters: path.parameters.map(writeParameter) }),
	};
}

function writeOperation(operation: Operation, schemas: SchemaWriter): JsonSchema {
	const { body } = operation;
	const bodyParameter =
		body === undefined
			? []
			: [{ name: "body", in: "body", ...(body.required ? { required: true } : {}), schema: schemas.ref(body.definition) }];
	const parameters = [...bodyParameter, ...operation.parameters.map(writeParameter)];
	const responses = operation.responses.map(([code, definition]) => [
		String(code),
		{ description: reason(code), schema: definition === "" ? { type: "string" } : schemas.ref(definition) },
	]);
	return {
		description: operation.description,
		consumes: operation.consumes,
		produces: operation.produces,
		schemes: ["https"],
		tags: [operation.tag],
		operationId: operation.id,
		...(parameters.length === 0 ? {} : { parameters }),
		responses: { ...Object.fromEntries(responses), "401": { description: "Unauthorized" } },
		...(operation.action === undefined ? {} : { "x-kubernetes-action": operation.action }),
		...(operation.kind === undefined ? {} : { "x-kubernetes-group-version-kind": operation.kind }),
	};
}

function writeParameter({ name, in: place, type, description, required }: Parameter): JsonSchema {
	return { uniqueItems: true, type, description, name, in: place, ...(required ? { required } : {}) };
}

/** The text of a response, as published. */
export function reason(code: number): string {
	return code === 201 ? "Created" : code === 202 ? "Accepted" : "OK";
}
