using System.Globalization;
using System.Text;

namespace Mesh.Bench.Control;

/// <summary>
/// Writes what people configure for the services of <see cref="MeshManifests"/>: one file per kind and namespace, and one for each object that is changed.
/// </summary>
internal static class ResourceManifests
{
    private delegate string ObjectText(ScaleOptions options, int index, int generation);

    public static void Write(string directory, ScaleOptions options)
    {
        foreach ((string kind, int count, ObjectText textOf) in KindsOf(options))
        {
            foreach (IGrouping<int, int> bulk in Enumerable.Range(1, Math.Max(count - 1, 0)).GroupBy(index => index % options.Namespaces))
            {
                File.WriteAllText(
                    Path.Combine(directory, $"{kind}-{bulk.Key}.yaml"),
                    string.Concat(bulk.Select(index => textOf(options, index, generation: 0))));
            }

            File.WriteAllText(ChangedFile(directory, kind), textOf(options, 0, generation: 0));
        }
    }

    /// <summary>Changes one object, of one kind after the other.</summary>
    /// <param name="directory">Where <see cref="Write"/> put them.</param>
    /// <param name="options">The same as they were written with.</param>
    /// <param name="generation">From 1: another one for each change.</param>
    /// <returns>A text in UTF-8 that only this generation of the object has, and that what is sent to proxies holds.</returns>
    public static byte[] ChangeOne(string directory, ScaleOptions options, int generation)
    {
        (string Kind, int Count, ObjectText TextOf)[] kinds = [.. KindsOf(options)];
        (string kind, _, ObjectText textOf) = kinds[generation % kinds.Length];
        string path = ChangedFile(directory, kind);
        File.WriteAllText(path + ".new", textOf(options, 0, generation));
        File.Move(path + ".new", path, overwrite: true);
        return Encoding.UTF8.GetBytes(Mark(generation));
    }

    private static IEnumerable<(string Kind, int Count, ObjectText TextOf)> KindsOf(ScaleOptions options)
    {
        (string Kind, int Count, ObjectText TextOf)[] all =
        [
            ("virtualservice", options.VirtualServices, VirtualService),
            ("httproute", options.HttpRoutes, HttpRoute),
            ("authorizationpolicy", options.Policies, AuthorizationPolicy),
        ];
        return all.Where(kind => kind.Count > 0);
    }

    private static string ChangedFile(string directory, string kind) => Path.Combine(directory, $"changed-{kind}.yaml");

    // The slash closes it: one generation is not found in the text of another.
    private static string Mark(int generation) => $"/generation-{generation}/";

    // The first half, so that no service has routes of both kinds, of which only one would hold.
    private static string VirtualService(ScaleOptions options, int index, int generation)
    {
        int service = index % (options.Services / 2);
        return string.Create(CultureInfo.InvariantCulture, $"""
            ---
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata:
              name: vs-{index}
              namespace: ns-{service % options.Namespaces}
            spec:
              hosts: [svc-{service}]
              http:
              - name: marked
                match:
                - uri:
                    prefix: /vs-{index}{Mark(generation)}
                  headers:
                    x-tier:
                      exact: gold
                route:
                - destination:
                    host: svc-{service}
                  weight: 90
                - destination:
                    host: svc-{(service + options.Namespaces) % options.Services}
                  weight: 10
                timeout: 5s
                retries:
                  attempts: 3
                  perTryTimeout: 1s

            """);
    }

    private static string HttpRoute(ScaleOptions options, int index, int generation)
    {
        int half = options.Services / 2;
        int service = half + (index % (options.Services - half));
        return string.Create(CultureInfo.InvariantCulture, $"""
            ---
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata:
              name: route-{index}
              namespace: ns-{service % options.Namespaces}
            spec:
              parentRefs:
              - group: ""
                kind: Service
                name: svc-{service}
                port: 80
              rules:
              - matches:
                - path:
                    type: PathPrefix
                    value: /route-{index}{Mark(generation)}end
                  method: GET
                backendRefs:
                - name: svc-{service}
                  port: 80
                  weight: 9

            """);
    }

    private static string AuthorizationPolicy(ScaleOptions options, int index, int generation)
    {
        int service = index % options.Services;
        return string.Create(CultureInfo.InvariantCulture, $"""
            ---
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata:
              name: policy-{index}
              namespace: ns-{service % options.Namespaces}
            spec:
              selector:
                matchLabels:
                  app: svc-{service}
              action: ALLOW
              rules:
              - from:
                - source:
                    principals: [cluster.local/ns/ns-{(service + 1) % options.Namespaces}/sa/sa-{service + 1}]
                to:
                - operation:
                    methods: [GET, HEAD]
                    paths: ["/policy-{index}{Mark(generation)}*"]

            """);
    }
}
