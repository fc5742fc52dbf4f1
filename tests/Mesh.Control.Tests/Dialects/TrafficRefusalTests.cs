using Mesh.Control.Dialects;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Tests.Support;
using Xunit;

namespace Mesh.Control.Tests.Dialects;

/// <summary>What rules about traffic must not say: the field it is found at, and a part of what is said about it.</summary>
public sealed class TrafficRefusalTests : IDisposable
{
    private readonly ScratchDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_VirtualService_is_refused_for() => await AssertRefusedAsync("networking.istio.io/v1", "VirtualService",
    [
        ("{hosts: [a], http: [{route: [{destination: {host: a}}]}], htpp: []}", "spec.htpp", "no such field"),
        ("{gateways: [mesh], http: [{route: [{destination: {host: a}}]}]}", "spec.gateways", "without hosts"),
        ("{http: [{delegate: {name: d}}]}", "spec.http[0].delegate", "delegates no further"),
        ("{hosts: [a], http: [{delegate: {}}]}", "spec.http[0].delegate.name", "required"),
        ("{hosts: ['*'], http: [{route: [{destination: {host: a}}]}]}", "spec.hosts[0]", "for gateways"),
        ("{hosts: [a_b], http: [{route: [{destination: {host: a}}]}]}", "spec.hosts[0]", "not a host name"),
        ("{hosts: [a.b, a.b], http: [{route: [{destination: {host: a}}]}]}", "spec.hosts[1]", "same hosts"),
        ("{hosts: ['*.foo.com', '*.com'], http: [{route: [{destination: {host: a}}]}]}", "spec.hosts[1]", "same hosts"),
        ("{hosts: [a]}", "spec.http", "needs a route"),
        ("{hosts: [a], exportTo: ['*', b], http: [{route: [{destination: {host: a}}]}]}", "spec.exportTo", "stands alone"),
        ("{hosts: [a], exportTo: [., shop], http: [{route: [{destination: {host: a}}]}]}", "spec.exportTo[1]", "named twice"),
        ("{hosts: [a], http: [{}]}", "spec.http[0].route", "needs a destination"),
        ("{hosts: [a], http: [{route: []}]}", "spec.http[0].route", "no destination"),
        ("{hosts: [a], http: [{delegate: {name: d}, route: [{destination: {host: a}}]}]}", "spec.http[0].route", "does not go with delegate"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}], redirect: {uri: /}}]}", "spec.http[0].redirect", "cannot both"),
        ("{hosts: [a], http: [{redirect: {uri: /}, fault: {abort: {httpStatus: 500}}}]}", "spec.http[0].fault", "does not go with redirect"),
        ("{hosts: [a], http: [{redirect: {uri: /}, rewrite: {uri: /}}]}", "spec.http[0].rewrite", "does not go with redirect"),
        ("{hosts: [a], http: [{directResponse: {status: 200}, rewrite: {uri: /}}]}", "spec.http[0].rewrite", "does not go with directResponse"),
        ("{hosts: [a], http: [{route: [{destination: {}}]}]}", "spec.http[0].route[0].destination.host", "required"),
        ("{hosts: [a], http: [{route: [{destination: {host: 'a b'}}]}]}", "spec.http[0].route[0].destination.host", "not a host name"),
        ("{hosts: [a], http: [{route: [{destination: {host: a, port: {number: 0}}}]}]}", "spec.http[0].route[0].destination.port.number", "from 1"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}, weight: -1}]}]}", "spec.http[0].route[0].weight", "from 0"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}, {destination: {host: b}}]}]}", "spec.http[0].route", "All weights are 0"),
        ("{hosts: [a], http: [{match: [{uri: {prefix: ''}}], route: [{destination: {host: a}}]}]}", "spec.http[0].match[0].uri.prefix", "empty prefix"),
        ("{hosts: [a], http: [{match: [{uri: {regex: '('}}], route: [{destination: {host: a}}]}]}", "spec.http[0].match[0].uri.regex", "not a regular expression"),
        ("{hosts: [a], http: [{match: [{uri: {regex: '(a)\\1'}}], route: [{destination: {host: a}}]}]}", "spec.http[0].match[0].uri.regex", "bounded time"),
        ("{hosts: [a], http: [{match: [{uri: {exact: a, prefix: b}}], route: [{destination: {host: a}}]}]}", "spec.http[0].match[0].uri.exact", "one of"),
        ("{hosts: [a], http: [{match: [{url: {exact: a}}], route: [{destination: {host: a}}]}]}", "spec.http[0].match[0].url", "no such field"),
        ("{hosts: [a], http: [{match: [{uri: }], route: [{destination: {host: a}}]}]}", "spec.http[0].match[0].uri", "no value"),
        ("{hosts: [a], http: [{match: [{uri: {regex: a}, ignoreUriCase: true}], route: [{destination: {host: a}}]}]}", "spec.http[0].match[0].ignoreUriCase", "Only an exact"),
        (
            "{hosts: [a], http: [{match: [{headers: {'@request.auth.claims.x': {exact: a}}}], route: [{destination: {host: a}}]}]}",
            "spec.http[0].match[0].headers.@request.auth.claims.x", "gateways alone"),
        ("{hosts: [a], http: [{match: [{headers: {'a b': {exact: a}}}], route: [{destination: {host: a}}]}]}", "spec.http[0].match[0].headers.a b", "not the name"),
        ("{hosts: [a], http: [{match: [{sourceNamespace: 'A'}], route: [{destination: {host: a}}]}]}", "spec.http[0].match[0].sourceNamespace", "not the name"),
        ("{hosts: [a], http: [{redirect: {}}]}", "spec.http[0].redirect", "redirects nowhere"),
        ("{hosts: [a], http: [{redirect: {redirectCode: 304}}]}", "spec.http[0].redirect.redirectCode", "304"),
        ("{hosts: [a], http: [{redirect: {scheme: ftp}}]}", "spec.http[0].redirect.scheme", "neither"),
        ("{hosts: [a], http: [{redirect: {prefixRewrite: /a}}]}", "spec.http[0].redirect.prefixRewrite", "must ask for a prefix"),
        ("{hosts: [a], http: [{redirect: {port: 80, derivePort: FROM_REQUEST_PORT}}]}", "spec.http[0].redirect.derivePort", "given already"),
        ("{hosts: [a], http: [{directResponse: {}}]}", "spec.http[0].directResponse.status", "required"),
        ("{hosts: [a], http: [{directResponse: {status: 99}}]}", "spec.http[0].directResponse.status", "from 200"),
        ("{hosts: [a], http: [{directResponse: {status: 200, body: {bytes: '!'}}}]}", "spec.http[0].directResponse.body.bytes", "base64"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}], rewrite: {}}]}", "spec.http[0].rewrite", "rewrites nothing"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}], rewrite: {uriRegexRewrite: {match: '(', rewrite: b}}}]}", "spec.http[0].rewrite.uriRegexRewrite.match", "not a regular"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}], rewrite: {uriRegexRewrite: {match: '(a)', rewrite: '\\2'}}}]}", "spec.http[0].rewrite.uriRegexRewrite.match", "no group"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}], rewrite: {uri: /, uriRegexRewrite: {match: a, rewrite: b}}}]}", "spec.http[0].rewrite.uriRegexRewrite", "not both"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}], rewrite: {authority: \"a\\r\\nb: c\"}}]}", "spec.http[0].rewrite.authority", "control characters"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}], timeout: 1}]}", "spec.http[0].timeout", "string"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}], timeout: 1x}]}", "spec.http[0].timeout", "not a time"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}], timeout: -1s}]}", "spec.http[0].timeout", "not a time"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}], retries: {attempts: -1}}]}", "spec.http[0].retries.attempts", "from 0"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}], retries: {attempts: 1, perTryTimeout: 0.5ms}}]}", "spec.http[0].retries.perTryTimeout", "less than a millisecond"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}], retries: {attempts: 1, retryOn: sometimes}}]}", "spec.http[0].retries.retryOn", "not a condition"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}], fault: {}}]}", "spec.http[0].fault", "neither a delay nor an abort"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}], fault: {delay: {percentage: {value: 5}}}}]}", "spec.http[0].fault.delay.fixedDelay", "required"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}], fault: {delay: {fixedDelay: 1s, percentage: {value: 101}}}}]}", "spec.http[0].fault.delay.percentage.value", "from 0 to 100"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}], fault: {delay: {exponentialDelay: 1s}}}]}", "spec.http[0].fault.delay.exponentialDelay", "not supported"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}], fault: {abort: {http2Error: x}}}]}", "spec.http[0].fault.abort.http2Error", "not supported"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}], fault: {abort: {grpcStatus: NEVER}}}]}", "spec.http[0].fault.abort.grpcStatus", "not a status"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}], fault: {abort: {httpStatus: 600}}}]}", "spec.http[0].fault.abort.httpStatus", "from 200"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}], mirror: {host: a}, mirrors: [{destination: {host: a}}]}]}", "spec.http[0].mirrors", "not both"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}], headers: {request: {set: {':path': /}}}}]}", "spec.http[0].headers.request.set", "not the name"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}], headers: {request: {set: {transfer-encoding: x}}}}]}", "spec.http[0].headers.request.set", "cannot change"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}], headers: {request: {set: {a: '%NEW(b)%'}}}}]}", "spec.http[0].headers.request.set", "operator %NEW(b)%"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}], headers: {request: {set: {host: b}}}, rewrite: {authority: c}}]}", "spec.http[0].rewrite.authority", "set twice"),
        ("{hosts: [a], http: [{rewrite: {authority: c}, route: [{destination: {host: a}, headers: {request: {set: {':authority': b}}}}]}]}", "spec.http[0].route[0].headers.request.set", "set twice"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}], corsPolicy: {allowMethods: [FETCH]}}]}", "spec.http[0].corsPolicy.allowMethods[0]", "not a method"),
        ("{hosts: [a], http: [{route: [{destination: {host: a}}], corsPolicy: {maxAge: 1500ms}}]}", "spec.http[0].corsPolicy.maxAge", "whole seconds"),
    ]);

    [Fact]
    public async Task A_DestinationRule_is_refused_for() => await AssertRefusedAsync("networking.istio.io/v1beta1", "DestinationRule",
    [
        ("{}", "spec.host", "required"),
        ("{host: 'a b'}", "spec.host", "not a host name"),
        ("{host: a, workloadSelector: {}}", "spec.workloadSelector", "not supported"),
        ("{host: a, subsets: [{labels: {a: b}}]}", "spec.subsets[0].name", "required"),
        ("{host: a, subsets: [{name: 'A B'}]}", "spec.subsets[0].name", "not the name"),
        ("{host: a, subsets: [{name: v1}, {name: v1}]}", "spec.subsets[1].name", "twice"),
        ("{host: a, trafficPolicy: {}}", "spec.trafficPolicy", "says nothing"),
        ("{host: a, trafficPolicy: {loadbalancer: {}}}", "spec.trafficPolicy.loadbalancer", "no such field"),
        ("{host: a, trafficPolicy: {loadBalancer: {simple: FASTEST}}}", "spec.trafficPolicy.loadBalancer.simple", "not a way"),
        ("{host: a, trafficPolicy: {loadBalancer: {simple: RANDOM, consistentHash: {useSourceIp: true}}}}", "spec.trafficPolicy.loadBalancer.consistentHash", "not both"),
        ("{host: a, trafficPolicy: {loadBalancer: {consistentHash: {}}}}", "spec.trafficPolicy.loadBalancer.consistentHash.httpHeaderName", "of one thing"),
        ("{host: a, trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 100}}}}}", "spec.trafficPolicy.loadBalancer.consistentHash.maglev.tableSize", "not a prime"),
        ("{host: a, trafficPolicy: {loadBalancer: {consistentHash: {httpCookie: {ttl: 1s}}}}}", "spec.trafficPolicy.loadBalancer.consistentHash.httpCookie.name", "required"),
        ("{host: a, trafficPolicy: {loadBalancer: {warmup: {}}}}", "spec.trafficPolicy.loadBalancer.warmup.duration", "required"),
        ("{host: a, trafficPolicy: {connectionPool: {}}}", "spec.trafficPolicy.connectionPool", "says nothing"),
        ("{host: a, trafficPolicy: {connectionPool: {tcp: {maxConnections: -1}}}}", "spec.trafficPolicy.connectionPool.tcp.maxConnections", "from 0"),
        ("{host: a, trafficPolicy: {connectionPool: {tcp: {connectTimeout: 0s}}}}", "spec.trafficPolicy.connectionPool.tcp.connectTimeout", "less than a millisecond"),
        ("{host: a, trafficPolicy: {connectionPool: {http: {h2UpgradePolicy: MAYBE}}}}", "spec.trafficPolicy.connectionPool.http.h2UpgradePolicy", "not a policy"),
        ("{host: a, trafficPolicy: {connectionPool: {http: {h2UpgradePolicy: UPGRADE, useClientProtocol: true}}}}", "spec.trafficPolicy.connectionPool.http.h2UpgradePolicy", "does not go"),
        ("{host: a, trafficPolicy: {connectionPool: {http: {http2KeepAlive: {interval: 1s}}}}}", "spec.trafficPolicy.connectionPool.http.http2KeepAlive.timeout", "missing"),
        ("{host: a, trafficPolicy: {connectionPool: {http: {http2KeepAlive: {timeout: 1s}}}}}", "spec.trafficPolicy.connectionPool.http.http2KeepAlive.interval", "missing"),
        ("{host: a, trafficPolicy: {connectionPool: {http: {http2KeepAlive: {interval: 0s, timeout: 1s}}}}}", "spec.trafficPolicy.connectionPool.http.http2KeepAlive.interval", "less than a mil"),
        ("{host: a, trafficPolicy: {outlierDetection: {consecutiveLocalOriginFailures: 1}}}", "spec.trafficPolicy.outlierDetection.consecutiveLocalOriginFailures", "counted apart"),
        ("{host: a, trafficPolicy: {outlierDetection: {maxEjectionPercent: 101}}}", "spec.trafficPolicy.outlierDetection.maxEjectionPercent", "from 0 to 100"),
        ("{host: a, trafficPolicy: {outlierDetection: {interval: 0s}}}", "spec.trafficPolicy.outlierDetection.interval", "less than a millisecond"),
        ("{host: a, trafficPolicy: {tls: {mode: TOTAL}}}", "spec.trafficPolicy.tls.mode", "not a mode"),
        ("{host: a, trafficPolicy: {portLevelSettings: [{loadBalancer: {simple: RANDOM}}]}}", "spec.trafficPolicy.portLevelSettings[0].port.number", "required"),
        ("{host: a, trafficPolicy: {portLevelSettings: [{port: {number: 80}}, {port: {number: 80}}]}}", "spec.trafficPolicy.portLevelSettings[1].port.number", "twice"),
    ]);

    [Fact]
    public async Task An_HTTPRoute_is_refused_for()
    {
        const string Parent = "parentRefs: [{group: '', kind: Service, name: a}], rules: ";
        await AssertRefusedAsync("gateway.networking.k8s.io/v1", "HTTPRoute",
        [
            ($"{{{Parent}[], rule: []}}", "spec.rule", "no such field"),
            ("{parentRefs: [{group: '', kind: Service, name: a}, {group: '', kind: Service, name: a}]}", "spec.parentRefs[1].name", "parent twice"),
            ($"{{{Parent}[]}}", "spec.rules", "1 to 16"),
            ($"{{{Parent}[{{retry: {{attempts: 0}}}}]}}", "spec.rules[0].retry.attempts", "from 1"),
            ($"{{{Parent}[{{matches: [{{method: FETCH}}]}}]}}", "spec.rules[0].matches[0].method", "not a method"),
            ($"{{{Parent}[{{matches: [{{path: {{value: a}}}}]}}]}}", "spec.rules[0].matches[0].path.value", "not a path"),
            ($"{{{Parent}[{{matches: [{{path: {{type: Regex, value: /}}}}]}}]}}", "spec.rules[0].matches[0].path.type", "not a way"),
            ($"{{{Parent}[{{matches: [{{path: {{type: RegularExpression, value: '['}}}}]}}]}}", "spec.rules[0].matches[0].path.value", "not a regular"),
            ($"{{{Parent}[{{matches: [{{headers: [{{name: a}}]}}]}}]}}", "spec.rules[0].matches[0].headers[0].value", "required"),
            ($"{{{Parent}[{{backendRefs: [{{name: a}}]}}]}}", "spec.rules[0].backendRefs[0].port", "required"),
            ($"{{{Parent}[{{filters: [{{type: ExtensionRef}}]}}]}}", "spec.rules[0].filters[0].type", "not supported"),
            ($"{{{Parent}[{{filters: [{{type: CORS}}]}}]}}", "spec.rules[0].filters[0].cors", "required"),
            ($"{{{Parent}[{{filters: [{{type: CORS, cors: {{allowOrigins: ['https://a.*']}}}}]}}]}}", "spec.rules[0].filters[0].cors.allowOrigins[0]", "not an origin"),
            ($"{{{Parent}[{{filters: [{{type: CORS, cors: {{allowMethods: [FETCH]}}}}]}}]}}", "spec.rules[0].filters[0].cors.allowMethods[0]", "not a method"),
            ($"{{{Parent}[{{filters: [{{type: CORS, cors: {{exposeHeaders: ['a b']}}}}]}}]}}", "spec.rules[0].filters[0].cors.exposeHeaders[0]", "not the name"),
            ($"{{{Parent}[{{filters: [{{type: CORS, cors: {{maxAge: 0}}}}]}}]}}", "spec.rules[0].filters[0].cors.maxAge", "number from 1"),
            ($"{{{Parent}[{{filters: [{{type: URLRewrite}}]}}]}}", "spec.rules[0].filters[0].urlRewrite", "required"),
            (
                $"{{{Parent}[{{filters: [{{type: URLRewrite, urlRewrite: {{path: {{type: ReplacePrefixMatch, replacePrefixMatch: /}}}}}}], matches: [{{path: {{type: Exact, value: /a}}}}]}}]}}",
                "spec.rules[0].filters[0].urlRewrite.path.type", "one match"),
            ($"{{{Parent}[{{filters: [{{type: RequestRedirect, requestRedirect: {{statusCode: 305}}}}]}}]}}", "spec.rules[0].filters[0].requestRedirect.statusCode", "305"),
            ($"{{{Parent}[{{filters: [{{type: RequestRedirect, requestRedirect: {{}}}}], backendRefs: [{{name: a, port: 80}}]}}]}}", "spec.rules[0].backendRefs", "no backends"),
            ($"{{{Parent}[{{timeouts: {{request: 1s, backendRequest: 2s}}}}]}}", "spec.rules[0].timeouts.backendRequest", "no longer"),
            ($"{{{Parent}[{{backendRefs: [{{name: a, port: 80, filters: [{{type: URLRewrite, urlRewrite: {{hostname: b}}}}]}}]}}]}}", "spec.rules[0].backendRefs[0].filters", "Only header modifiers"),
        ]);
    }

    private async Task AssertRefusedAsync(string version, string kind, (string Spec, string Field, string Reason)[] cases)
    {
        _directory.Write("cases.yaml", string.Join("\n---\n", cases.Select((entry, index) =>
            $"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: case-{index}, namespace: shop}}\nspec: {entry.Spec}")));
        ManifestSnapshot snapshot = await Manifests.ReadAsync(_directory.Path);
        Assert.Empty(snapshot.Diagnostics);

        TranslationResult result = new MeshTranslator(new TranslationOptions()).Translate(snapshot.Objects);

        Assert.Empty(result.Model.Traffic);
        for (int index = 0; index < cases.Length; index++)
        {
            (string spec, string field, string reason) = cases[index];
            Assert.True(
                result.Diagnostics.Any(found => found.Severity == DiagnosticSeverity.Error
                    && found.Object?.Name == $"case-{index}"
                    && found.Field == field
                    && found.Reason.Contains(reason, StringComparison.Ordinal)),
                $"{spec} is not refused at {field} for '{reason}', but: "
                    + string.Join("; ", result.Diagnostics.Where(found => found.Object?.Name == $"case-{index}")));
        }
    }
}
