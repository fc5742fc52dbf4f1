using Mesh.Control.Model.Inputs;
using Mesh.Control.Sources.Files;

namespace Mesh.Control.Tests.Support;

/// <summary>Manifests for tests, and what a directory of them reads as.</summary>
internal static class Manifests
{
    public static string Namespace(string name, bool isCaptured = true) => $$"""
        apiVersion: v1
        kind: Namespace
        metadata:
          name: {{name}}
          labels:
            mesh-node.io/capture: {{(isCaptured ? "enabled" : "disabled")}}
        ---

        """;

    public static string Pod(
        string @namespace, string name, string address, string node = "node-1", string serviceAccount = "default") => $$"""
        apiVersion: v1
        kind: Pod
        metadata:
          name: {{name}}
          namespace: {{@namespace}}
          labels:
            app: {{name}}
        spec:
          nodeName: {{node}}
          serviceAccountName: {{serviceAccount}}
          containers:
          - name: main
            ports:
            - name: http
              containerPort: 8080
        status:
          podIP: {{address}}
        ---

        """;

    public static string Service(string @namespace, string name, string clusterIp, string app) => $$"""
        apiVersion: v1
        kind: Service
        metadata:
          name: {{name}}
          namespace: {{@namespace}}
        spec:
          clusterIP: {{clusterIp}}
          selector:
            app: {{app}}
          ports:
          - name: http
            port: 80
            targetPort: http
        ---

        """;

    public static string Strict(string @namespace) => $$"""
        apiVersion: security.istio.io/v1
        kind: PeerAuthentication
        metadata:
          name: default
          namespace: {{@namespace}}
        spec:
          mtls:
            mode: STRICT
        ---

        """;

    public static Task<ManifestSnapshot> ReadAsync(string directory, bool isRecursive = true) =>
        ReadAsync(new ManifestWatchOptions { Directory = directory, IsRecursive = isRecursive });

    public static async Task<ManifestSnapshot> ReadAsync(ManifestWatchOptions options)
    {
        using var watcher = new ManifestWatcher(options, TimeProvider.System);
        await using IAsyncEnumerator<ManifestSnapshot> snapshots = watcher.WatchAsync(CancellationToken.None).GetAsyncEnumerator();
        await snapshots.MoveNextAsync();
        return snapshots.Current;
    }
}
