/**
 * What calls of Kubernetes' libraries cost: figures of upstream's own tests. The limits of rules that are stored rest on them.
 * Left out are lists of texts without a schema, whose size upstream's tests assume, and what lists of constants cost when they run: here
 * they are made once, as in a server.
 * Source: k8s.io/apiserver/pkg/cel/library/cost_test.go.
 */
import { describe, expect, it } from "vitest";
import { compileExpression, kubernetesEnvironment } from "../kubernetes.ts";
import { authorizerType, authorizerValue } from "../library/authorizer.ts";
import { estimateCost } from "./cost-estimate.ts";

const environment = kubernetesEnvironment.extend({ variables: { authorizer: authorizerType } });
const authorizer = authorizerValue(() => ({ allowed: true, reason: "", error: "" }));

function compiled(expression: string) {
	const result = compileExpression(expression, environment);
	if ("problem" in result) throw new Error(result.problem);
	return result;
}
const estimate = (expression: string) => estimateCost(compiled(expression).checked, () => undefined);

describe("calls", () => {
	it.each<readonly [expression: string, min: number, max: number, run: number]>([
		["url('https:://kubernetes.io/').getScheme()", 4, 4, 4],
		["url('https:://kubernetes.io/').getQuery()", 4, 4, 4],
		["url('https:://kubernetes.io/') == url('https:://kubernetes.io/')", 7, 9, 7],
		["url('https:://kubernetes.io/') == url('http://x.b')", 5, 5, 5],
		["ip('192.168.0.1')", 2, 2, 2],
		["ip('192.168.0.1').family()", 3, 3, 3],
		["ip('192.168.0.1').isLoopback()", 3, 3, 3],
		["ip('192.168.0.1') == ip('192.168.0.1')", 5, 5, 5],
		["ip('2001:db8:3333:4444:5555:6666:7777:8888')", 4, 4, 4],
		["ip('2001:db8:3333:4444:5555:6666:7777:8888').family()", 5, 5, 5],
		["ip('2001:db8:3333:4444:5555:6666:7777:8888').isLoopback()", 5, 5, 5],
		["ip('2001:db8:3333:4444:5555:6666:7777:8888') == ip('192.168.0.1')", 7, 7, 7],
		["ip.isCanonical('192.168.0.1')", 3, 3, 3],
		["ip.isCanonical('2001:db8:3333:4444:5555:6666:7777:8888')", 8, 8, 8],
		["ip.isCanonical('2001:db8::abcd')", 3, 3, 3],
		["cidr('192.168.0.0/16')", 2, 2, 2],
		["cidr('192.168.0.0/16').ip()", 3, 3, 3],
		["cidr('192.168.0.0/16').prefixLength()", 3, 3, 3],
		["cidr('192.168.0.0/16').masked()", 3, 3, 3],
		["cidr('192.168.0.0/16') == cidr('2001:db8::/32')", 5, 5, 5],
		["cidr('192.168.0.0/16').containsCIDR(cidr('192.0.0.0/30'))", 7, 11, 7],
		["cidr('192.168.0.0/16').containsCIDR('192.168.0.0/16')", 7, 11, 7],
		["cidr('192.168.0.0/16').containsIP(ip('192.0.0.1'))", 4, 7, 4],
		["cidr('192.168.0.0/16').containsIP(ip('192.169.0.1'))", 5, 8, 5],
		["cidr('192.168.0.0/16').containsIP(ip('192.169.169.250'))", 5, 8, 5],
		["cidr('192.168.0.0/16').containsIP('192.0.0.1')", 4, 7, 4],
		["cidr('192.168.0.0/16').containsIP('192.169.0.1')", 5, 8, 5],
		["cidr('2001:db8::/32')", 2, 2, 2],
		["cidr('2001:db8::/32').ip()", 3, 3, 3],
		["cidr('2001:db8::/32').prefixLength()", 3, 3, 3],
		["cidr('2001:db8::/32').masked()", 3, 3, 3],
		["cidr('2001:db8::/32') == cidr('2001:db8::/32')", 5, 5, 5],
		["cidr('2001:db8::/32').containsCIDR(cidr('2001:db8::/126'))", 7, 11, 7],
		["cidr('2001:db8::/32').containsCIDR('2001:db8::/32')", 7, 11, 7],
		["cidr('2001:db8::/32').containsIP(ip('2001:db8:3333:4444:5555:6666:7777:8888'))", 7, 10, 7],
		["cidr('2001:db8::/32').containsIP(ip('2001:db8::1'))", 5, 8, 5],
		["cidr('2001:db8::/32').containsIP('2001:db8:3333:4444:5555:6666:7777:8888')", 7, 10, 7],
		["cidr('2001:db8::/32').containsIP('2001:db8::1')", 5, 8, 5],
		["'ABCDEFGHIJ abcdefghij'.lowerAscii()", 3, 3, 3],
		["'ABCDEFGHIJ abcdefghij'.lowerAscii() == 'abcdefghij ABCDEFGHIJ'.lowerAscii()", 7, 9, 9],
		["'ABCDEFGHIJ abcdefghij'.upperAscii()", 3, 3, 3],
		["strings.quote('ABCDEFGHIJ abcdefghij')", 3, 3, 3],
		["strings.quote('ABCDEFGHIJ abcdefghij') == strings.quote('ABCDEFGHIJ abcdefghij')", 7, 11, 9],
		["'abc 123 def 123'.replace('123', '456')", 3, 3, 3],
		["'abc 123 def 123'.replace('', 'x')", 3, 3, 3],
		["'abc 123 def 123'.replace('123', '')", 3, 3, 3],
		["'abc 123 def 123'.replace('123', '456', 1)", 3, 3, 3],
		["'abc 123 def 123'.split(' ')", 3, 3, 3],
		["'abc 123 def 123'.split(' ', 1)", 3, 3, 3],
		["'abc 123 def 123'.substring(5)", 2, 2, 2],
		["'abc 123 def 123'.substring(5, 8)", 2, 2, 2],
		["'  abc 123 def 123  '.trim()", 2, 2, 2],
		["'abc 123 def 123'.find('123')", 2, 2, 2],
		["'abc 123 def 123'.findAll('123')", 2, 2, 2],
		["'abc 123 def 123'.findAll('123', 1)", 2, 2, 2],
		["authorizer.path('/healthz')", 2, 2, 2],
		["authorizer.group('apps').resource('deployments').subresource('status').namespace('test').name('backend')", 6, 6, 6],
		[
			"authorizer.group('').resource('pods').fieldSelector('spec.nodeName=example-node-name.fully.qualified.domain.name.example.com')",
			1821,
			1821,
			1821,
		],
		["authorizer.path('/healthz').check('get').allowed()", 350003, 350003, 350003],
		[
			"authorizer.group('apps').resource('deployments').subresource('status').namespace('test').name('backend').check('create').allowed()",
			350007,
			350007,
			350007,
		],
		['quantity("12Mi")', 1, 1, 1],
		['isQuantity("20")', 1, 1, 1],
		['quantity("200M") == quantity("200M")', 3, 3, 3],
		['quantity("200M") == quantity("0.2G") && quantity("0.2G") == quantity("200M")', 3, 6, 6],
		['quantity("50M").isLessThan(quantity("50Mi"))', 3, 3, 3],
		['quantity("200M").compareTo(quantity("0.2G")) > 0', 4, 4, 4],
		['quantity("50k").add(quantity("20")) == quantity("50.02k")', 5, 5, 5],
		['quantity("50k").sub(20) == quantity("49980")', 4, 4, 4],
		['quantity("50k").add(20).sub(quantity("100k")).sub(-50000).asInteger() > 0', 7, 7, 7],
		['quantity("50").isInteger()', 2, 2, 2],
		['quantity("50.703k").asApproximateFloat() > 0.0', 3, 3, 3],
		['format.named("dns1123subdomain")', 1, 1, 1],
		['format.named("dns1123Subdomain").value().validate("my-name")', 34, 34, 17],
		['format.named("dns1123Label").value().validate("my-name")', 34, 34, 10],
		['format.named("dns1123Label").value() == format.named("dns1123Label").value()', 5, 11, 5],
		['semver("1.0.0")', 1, 1, 1],
		['semver("1234.56789012345.67890123456789")', 4, 4, 4],
		['isSemver("1.0.0")', 1, 1, 1],
		['isSemver("1234.56789012345.67890123456789")', 4, 4, 4],
		['semver("1.2.3").major()', 2, 2, 2],
		['semver("1.2.3").patch()', 2, 2, 2],
		['semver("1.0.0").isLessThan(semver("1.1.0"))', 3, 3, 3],
		['semver("1.0.0").compareTo(semver("1.2.3"))', 3, 3, 3],
	])("%s: %i to %i, %i when it runs", (expression, min, max, run) => {
		expect(estimate(expression)).toEqual({ min, max });
		expect(compiled(expression).program.evaluate(() => authorizer, 1_000_000).cost).toBe(run);
	});
});

describe("lists of constants", () => {
	it.each<readonly [expression: string, min: number, max: number]>([
		["[1, 2, 3, 4, 5].sum()", 15, 15],
		["[uint(1), uint(2), uint(3), uint(4), uint(5)].sum()", 20, 20],
		["[1.0, 2.0, 3.0, 4.0, 5.0].sum()", 15, 15],
		["[duration('1s'), duration('2s'), duration('3s'), duration('4s'), duration('5s')].sum()", 20, 20],
		["[1, 2, 3, 4, 5].isSorted()", 15, 15],
		["[uint(1), uint(2), uint(3), uint(4), uint(5)].isSorted()", 20, 20],
		["[1.0, 2.0, 3.0, 4.0, 5.0].isSorted()", 15, 15],
		["[false, true, false, true, false].isSorted()", 15, 15],
		["[duration('1s'), duration('2s'), duration('3s'), duration('4s'), duration('5s')].isSorted()", 20, 20],
		[
			"[timestamp('2011-01-01T00:00:00.000+01:00'), timestamp('2011-01-02T00:00:00.000+01:00'), timestamp('2011-01-03T00:00:00.000+01:00'), timestamp('2011-01-04T00:00:00.000+01:00'), timestamp('2011-01-05T00:00:00.000+01:00')].isSorted()",
			20,
			20,
		],
		["[1, 2, 3, 4, 5].max()", 15, 15],
		["[uint(1), uint(2), uint(3), uint(4), uint(5)].max()", 20, 20],
		["[1.0, 2.0, 3.0, 4.0, 5.0].max()", 15, 15],
		["[false, true, false, true, false].max()", 15, 15],
		["[duration('1s'), duration('2s'), duration('3s'), duration('4s'), duration('5s')].max()", 20, 20],
		[
			"[timestamp('2011-01-01T00:00:00.000+01:00'), timestamp('2011-01-02T00:00:00.000+01:00'), timestamp('2011-01-03T00:00:00.000+01:00'), timestamp('2011-01-04T00:00:00.000+01:00'), timestamp('2011-01-05T00:00:00.000+01:00')].max()",
			20,
			20,
		],
		["[1, 2, 3, 4, 5].indexOf(3)", 15, 15],
		["[uint(1), uint(2), uint(3), uint(4), uint(5)].indexOf(uint(3))", 21, 21],
		["[1.0, 2.0, 3.0, 4.0, 5.0].indexOf(3.0)", 15, 15],
		["[false, true, false, true, false].indexOf(true)", 15, 15],
		["[duration('1s'), duration('2s'), duration('3s'), duration('4s'), duration('5s')].indexOf(duration('3s'))", 21, 21],
		[
			"[timestamp('2011-01-01T00:00:00.000+01:00'), timestamp('2011-01-02T00:00:00.000+01:00'), timestamp('2011-01-03T00:00:00.000+01:00'), timestamp('2011-01-04T00:00:00.000+01:00'), timestamp('2011-01-05T00:00:00.000+01:00')].indexOf(timestamp('2011-01-03T00:00:00.000+01:00'))",
			21,
			21,
		],
		["'01234567890123456789012345678901234567890123456789'.indexOf('123')", 5, 5],
		["sets.contains([], [])", 21, 21],
		["sets.contains([1], [])", 21, 21],
		["sets.contains([1], [1])", 22, 22],
		["sets.contains([1], [1, 1])", 23, 23],
		["sets.contains([1, 1], [1])", 23, 23],
		["sets.contains([1, 2, 3, 4], [2, 3])", 29, 29],
		["sets.contains([[1], [2, 3]], [[2, 3]])", 53, 53],
		["!sets.contains([1], [2])", 23, 23],
		["!sets.contains([1], [1, 2])", 24, 24],
		["sets.equivalent([], [])", 21, 21],
		["sets.equivalent([1], [1])", 23, 23],
		["sets.equivalent([1], [1, 1])", 25, 25],
		["sets.equivalent([1, 2, 3], [3, 2, 1])", 39, 39],
		["!sets.equivalent([2, 1], [1])", 26, 26],
		["sets.intersects([1], [1])", 22, 22],
		["sets.intersects([1], [1, 1])", 23, 23],
		["!sets.intersects([], [])", 22, 22],
		["!sets.intersects([1], [2])", 23, 23],
		["{'a': 1, 'b': 2}.all(k, v, v > 0)", 37, 41],
		["{'a': 1, 'b': 2}.exists(k, v, v > 0)", 39, 43],
		["{'a': 1, 'b': 2}.existsOne(k, v, v > 0)", 38, 40],
		["{'a': 1, 'b': 2}.transformMap(k, v, v + 1)", 71, 71],
		["{'a': 1, 'b': 2}.transformMap(k, v, v < 5, v + 1)", 67, 75],
		["{'a': 1, 'b': 2}.transformMapEntry(k, v, {k: v + 1})", 131, 131],
		["{'a': 1, 'b': 2}.transformMapEntry(k, v, v < 5, {k: v + 1})", 67, 135],
		["[1, 2].all(i, v, v > 0)", 17, 21],
		["[1, 2].exists(i, v, v > 0)", 19, 23],
		["[1, 2].existsOne(i, v, v > 0)", 18, 20],
		["[1, 2].transformList(i, v, v + 1)", 49, 49],
		["[1, 2].transformList(i, v, v < 5, v + 1)", 27, 53],
	])("%s: %i to %i", (expression, min, max) => {
		expect(estimate(expression)).toEqual({ min, max });
	});
});
