/** Writes an OpenAPI 3.0 document, one a group version. Source: https://spec.openapis.org/oas/v3.0.0 */
import type { GroupVersion } from "../../apimachinery/meta.ts";
import { reason } from "./document-v2.ts";
import type { JsonSchema } from "./json-schema.ts";
import type { Operation, PathOperations } from "./operations.ts";
import type { Parameter } from "./parameters.ts";
import { type CustomDefinitions, type Descriptions, SchemaWriter } from "./schemas.ts";

/** The document as a JSON value. */
export function writeV3(
	paths: readonly PathOperations[],
	groupVersions: readonly GroupVersion[],
	descriptions: Descriptions,
	version: string,
	custom: CustomDefinitions = new Map(),
): JsonSchema {
	const schemas = new SchemaWriter("v3", descriptions, groupVersions, custom);
	const items = paths.map((path) => [path.path, pathItem(path, schemas)] as const).sort(([a], [b]) => (a < b ? -1 : 1));
	return {
		openapi: "3.0.0",
		info: { title: "Kubernetes", version },
		paths: Object.fromEntries(items),
		components: {
			schemas: schemas.definitions(),
			securitySchemes: {
				BearerToken: { type: "apiKey", description: "Bearer Token authentication", name: "authorization", in: "header" },
			},
		},
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
	const responses = operation.responses.map(([code, definition]) => {
		const schema = definition === "" ? { type: "string" } : schemas.ref(definition);
		return [String(code), { description: reason(code), content: Object.fromEntries(operation.produces.map((type) => [type, { schema }])) }];
	});
	return {
		tags: [operation.tag],
		description: operation.description,
		operationId: operation.id,
		...(operation.parameters.length === 0 ? {} : { parameters: operation.parameters.map(writeParameter) }),
		...(body === undefined ? {} : { requestBody: requestBody(operation, body, schemas) }),
		responses: { ...Object.fromEntries(responses), "401": { description: "Unauthorized" } },
		...(operation.action === undefined ? {} : { "x-kubernetes-action": operation.action }),
		...(operation.kind === undefined ? {} : { "x-kubernetes-group-version-kind": operation.kind }),
	};
}

function requestBody(operation: Operation, body: NonNullable<Operation["body"]>, schemas: SchemaWriter): JsonSchema {
	const schema = schemas.ref(body.definition);
	return {
		content: Object.fromEntries(operation.consumes.map((type) => [type, { schema }])),
		...(body.required ? { required: true } : {}),
	};
}

function writeParameter({ name, in: place, type, description, required }: Parameter): JsonSchema {
	return { name, in: place, description, ...(required ? { required } : {}), schema: { type, uniqueItems: true } };
}
