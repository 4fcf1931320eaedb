/** Kinds of the API as types of CEL, from the schema table; made field by field, as types refer to themselves. */
import { type FieldType, typeSchema } from "../../schema/schema.ts";
import {
	boolType,
	bytesType,
	type CelType,
	doubleType,
	dynType,
	intType,
	listType,
	mapType,
	type ObjectType,
	stringType,
	timestampType,
} from "../types/types.ts";

/** @param typeName of the schema table; undefined for a type that it does not have */
export function resourceType(typeName: string): ObjectType | undefined {
	const schema = typeSchema(typeName);
	if (schema === undefined) return undefined;
	return {
		kind: "object",
		name: schema.definition,
		field(name) {
			const field = schema.fields.get(name);
			return field === undefined ? undefined : fieldType(field.type);
		},
	};
}

function fieldType(type: FieldType): CelType {
	switch (type.form) {
		case "object":
			return resourceType(type.type) ?? dynType;
		case "list":
			return listType(fieldType(type.items));
		case "map":
			return mapType(stringType, fieldType(type.values));
		case "scalar":
			return scalarTypes[type.scalar] ?? dynType;
	}
}

const scalarTypes: Readonly<Record<string, CelType>> = {
	string: stringType,
	quantity: stringType,
	int32: intType,
	int64: intType,
	double: doubleType,
	boolean: boolType,
	time: timestampType,
	microtime: timestampType,
	bytes: bytesType,
};
