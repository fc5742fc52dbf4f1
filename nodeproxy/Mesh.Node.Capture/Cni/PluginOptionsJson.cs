using System.Text.Json.Serialization;
using Mesh.Cni.Contract;

namespace Mesh.Node.Capture.Cni;

/// <summary>Writes the plug-in's options without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(PluginOptions))]
internal sealed partial class PluginOptionsJson : JsonSerializerContext;
