using System.Globalization;
using System.Net;
using System.Text;

namespace Mesh.Bench.Control;

/// <summary>Writes a mesh of a given size, one file per namespace, every service with its share of pods.</summary>
internal static class MeshManifests
{
    public static void Write(string directory, ScaleOptions options)
    {
        for (int index = 0; index < options.Namespaces; index++)
        {
            File.WriteAllText(PathOf(directory, index), Namespace(options, index, generation: 0));
        }
    }

    /// <summary>Moves one pod of one namespace to another address.</summary>
    /// <param name="directory">Where <see cref="Write"/> put the mesh.</param>
    /// <param name="options">The same as it was written with.</param>
    /// <param name="generation">From 1: another one for each change.</param>
    /// <returns>The bytes of the address, which no pod had before.</returns>
    public static byte[] MoveOnePod(string directory, ScaleOptions options, int generation)
    {
        int index = generation % options.Namespaces;
        string path = PathOf(directory, index);
        File.WriteAllText(path + ".new", Namespace(options, index, generation));
        File.Move(path + ".new", path, overwrite: true);
        return IPAddress.Parse(AddressOf(index, generation)).GetAddressBytes();
    }

    public static string NodeName(int index) => $"node-{index}";

    private static string AddressOf(int pod, int generation) => $"10.{generation}.{pod / 250}.{(pod % 250) + 1}";

    private static string PathOf(string directory, int index) => Path.Combine(directory, $"ns-{index}.yaml");

    private static string Namespace(ScaleOptions options, int index, int generation)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ns-{index}\n");
        text.Append("  labels:\n    mesh-node.io/capture: enabled\n");
        for (int service = index; service < options.Services; service += options.Namespaces)
        {
            AppendService(text, index, service);
        }

        for (int pod = index; pod < options.Pods; pod += options.Namespaces)
        {
            AppendPod(text, options, index, pod, pod == index ? generation : 0);
        }

        return text.ToString();
    }

    private static void AppendService(StringBuilder text, int index, int service) => text.Append(CultureInfo.InvariantCulture, $"""
        ---
        apiVersion: v1
        kind: Service
        metadata:
          name: svc-{service}
          namespace: ns-{index}
        spec:
          clusterIP: 10.96.{service / 250}.{(service % 250) + 1}
          selector:
            app: svc-{service}
          ports:
          - name: http
            port: 80
            targetPort: http

        """);

    private static void AppendPod(StringBuilder text, ScaleOptions options, int index, int pod, int generation)
    {
        // Pods of a namespace belong to services of it: both are counted in steps of the number of namespaces.
        int service = ((pod / options.Namespaces % (options.Services / options.Namespaces)) * options.Namespaces) + index;
        text.Append(CultureInfo.InvariantCulture, $"""
            ---
            apiVersion: v1
            kind: Pod
            metadata:
              name: pod-{pod}
              namespace: ns-{index}
              labels:
                app: svc-{service}
                version: v1
            spec:
              nodeName: {NodeName(pod % options.Proxies)}
              serviceAccountName: sa-{service}
              containers:
              - name: main
                ports:
                - name: http
                  containerPort: 8080
            status:
              phase: Running
              podIP: {AddressOf(pod, generation)}

            """);
    }
}
