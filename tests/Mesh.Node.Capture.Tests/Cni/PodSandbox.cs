using System.Text.Json.Nodes;
using Mesh.Testing;

namespace Mesh.Node.Capture.Tests.Cni;

/// <summary>What a kubelet has a runtime make for a pod: a namespace, and a name.</summary>
internal sealed class PodSandbox : IDisposable
{
    private PodSandbox(ScratchNamespace pod, string id, string uid, string name, string podNamespace)
    {
        Pod = pod;
        Id = id;
        Uid = uid;
        Name = name;
        Namespace = podNamespace;
    }

    public ScratchNamespace Pod { get; }

    public string Id { get; }

    public string Uid { get; }

    public string Name { get; }

    public string Namespace { get; }

    /// <summary>What the last plug-in answered to ADD; null before.</summary>
    public JsonNode? Result { get; set; }

    public static async Task<PodSandbox> CreateAsync(string uid, string podNamespace = "shop") =>
        new(await ScratchNamespace.CreateAsync(), $"sandbox-{Guid.NewGuid():N}", uid, uid, podNamespace);

    public void Dispose() => Pod.Dispose();
}
