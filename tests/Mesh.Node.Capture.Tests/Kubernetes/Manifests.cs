namespace Mesh.Node.Capture.Tests.Kubernetes;

/// <summary>Objects of a cluster, as its users and its controllers write them.</summary>
internal static class Manifests
{
    public const string Node = "node-1";

    public static string Namespace(string name, string labels = "{}") => $$"""
        apiVersion: v1
        kind: Namespace
        metadata: {name: {{name}}, labels: {{labels}}}
        ---

        """;

    public static string Pod(
        string name,
        string uid,
        string @namespace = "shop",
        string labels = "{}",
        string annotations = "{}",
        string address = "10.9.0.2",
        string more = "{}",
        string node = Node,
        string phase = "Running",
        string deleted = "null") => $$"""
        apiVersion: v1
        kind: Pod
        metadata:
          name: {{name}}
          namespace: {{@namespace}}
          uid: {{uid}}
          labels: {{labels}}
          annotations: {{annotations}}
          deletionTimestamp: {{deleted}}
        spec:
          nodeName: {{node}}
          serviceAccountName: cart
          containers: [{{more}}]
        status:
          phase: {{phase}}
          podIP: "{{address}}"
          podIPs: [{ip: "{{address}}"}]
        ---

        """;
}
