import { expect, test } from "vitest";
import { formatTest } from "./formats.ts";

const cases: readonly (readonly [format: string, yes: readonly string[], no: readonly string[]])[] = [
	["bsonobjectid", ["507f1f77bcf86cd799439011"], ["507f1f77"]],
	["uri", ["http://example.com/a?b", "/a/b", "urn:x"], ["example.com", "", "http://a b/", "/a%2"]],
	["email", ["a@example.com", "A <a@example.com>"], ["a", "a@", "a b@c"]],
	["hostname", ["example.com", "a", "1a.example"], ["a_b", "-a.example", "a..b", `${"a".repeat(64)}.com`]],
	["ipv4", ["1.2.3.4"], ["1.2.3", "::1", "1.2.3.04"]],
	["ipv6", ["::1", "2001:db8::"], ["1.2.3.4", "fe80::1%eth0"]],
	["cidr", ["10.0.0.0/8", "fd00::/64"], ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/08"]],
	["mac", ["01:23:45:67:89:ab", "0123.4567.89ab", "01-23-45-67-89-ab-cd-ef"], ["01:23:45", "01:23-45:67:89:ab"]],
	["uuid", ["a8098c1a-f86e-11da-bd1a-00112444be1e", "A8098C1AF86E11DABD1A00112444BE1E"], ["a8098c1a"]],
	["uuid4", ["16fd2706-8baf-433b-82eb-8c7fada847da"], ["16fd2706-8baf-133b-82eb-8c7fada847da"]],
	["isbn10", ["0321751043"], ["0321751044"]],
	["isbn", ["978-0321751041", "0321751043"], ["978-0321751042"]],
	["creditcard", ["4111 1111 1111 1111"], ["4111 1111 1111 1112"]],
	["ssn", ["111-11-1111"], ["11-11-1111"]],
	["hexcolor", ["#FFF", "c0ffee"], ["#FF"]],
	["rgbcolor", ["rgb(0, 128, 255)"], ["rgb(0, 128, 256)"]],
	["byte", ["aGVsbG8=", ""].slice(0, 1), ["aGVsbG8"]],
	["password", ["anything"], []],
	["date", ["2024-02-29"], ["2023-02-29", "2024-2-1"]],
	["duration", ["22 ns", "1h30m", "3 days"], ["1 fortnight", "x"]],
	["date-time", ["2014-12-15T19:30:20.000Z", "2014-12-15t19:30:20+01:00"], ["2014-12-15", "2014-12-15T25:00:00Z"]],
	["quantity", ["10Gi", "1.5"], ["10 Gi"]],
	["k8s-short-name", ["my-name"], ["my.name", "My"]],
	["k8s-long-name", ["my.name"], ["my_name"]],
];

test.each(cases)("%s", (format, yes, no) => {
	const isOne = formatTest(format);
	for (const text of yes) expect([text, isOne?.(text)]).toEqual([text, true]);
	for (const text of no) expect([text, isOne?.(text)]).toEqual([text, false]);
});

test("what nobody knows", () => {
	expect([formatTest("nope"), formatTest("constructor")]).toEqual([undefined, undefined]);
});
