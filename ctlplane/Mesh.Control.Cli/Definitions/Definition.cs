using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Mesh.Control.Cli.Definitions;

/// <summary>A kind of object that the API server is to have: a CustomResourceDefinition.</summary>
internal sealed record Definition
{
    /// <summary>What our own definitions are known by; those of others are left alone.</summary>
    public const string PartOfLabel = "app.kubernetes.io/part-of";

    public const string PartOf = "mesh-node";

    /// <summary>Who controls an object writes there. Other controllers' entries have fields of their own.</summary>
    private static readonly Shape s_status = Shape.Object(
        "What controllers say of the object.",
        ("conditions", Shape.List("One for each type.", Shape.Object(
            string.Empty,
            ("type", Shape.Text()),
            ("status", Shape.Text()),
            ("observedGeneration", new Shape { Type = "integer", Format = "int64" }),
            ("lastTransitionTime", Shape.Text()),
            ("reason", Shape.Text()),
            ("message", Shape.Text())))));

    public required string Group { get; init; }

    public required string Kind { get; init; }

    public required string Plural { get; init; }

    public ImmutableArray<string> ShortNames { get; init; } = [];

    public ImmutableArray<string> Categories { get; init; } = [];

    /// <summary>All have one schema.</summary>
    public required ImmutableArray<string> Versions { get; init; }

    /// <summary>The version objects are stored in; the first unless it is said.</summary>
    public string StoredVersion { get => field ?? Versions[0]; init; }

    /// <summary>What kubectl shows besides the name: heading, type and path.</summary>
    public ImmutableArray<Column> Columns { get; init; } = [];

    public required string Description { get; init; }

    public required Shape Spec { get; init; }

    public bool IsSpecRequired { get; init; }

    public NullFields Nulls { get; init; }

    public bool HasStatus { get; init; } = true;

    public string Name => $"{Plural}.{Group}";

    /// <summary>What the API server demands of groups of Kubernetes itself.</summary>
    private bool IsOfKubernetes => Group.EndsWith(".k8s.io", StringComparison.Ordinal);

    public JsonObject ToJson()
    {
        var metadata = new JsonObject
        {
            ["name"] = Name,
            ["labels"] = new JsonObject { ["app.kubernetes.io/component"] = "definition", [PartOfLabel] = PartOf },
        };
        if (IsOfKubernetes)
        {
            metadata["annotations"] = new JsonObject { ["api-approved.kubernetes.io"] = "unapproved, a schema of the mesh's own" };
        }

        var names = new JsonObject
        {
            ["kind"] = Kind,
            ["listKind"] = $"{Kind}List",
            ["plural"] = Plural,
            ["singular"] = Kind.ToLowerInvariant(),
        };
        if (!ShortNames.IsEmpty)
        {
            names["shortNames"] = new JsonArray([.. ShortNames.Select(name => (JsonNode)name)]);
        }

        if (!Categories.IsEmpty)
        {
            names["categories"] = new JsonArray([.. Categories.Select(name => (JsonNode)name)]);
        }

        return new JsonObject
        {
            ["apiVersion"] = "apiextensions.k8s.io/v1",
            ["kind"] = "CustomResourceDefinition",
            ["metadata"] = metadata,
            ["spec"] = new JsonObject
            {
                ["group"] = Group,
                ["names"] = names,
                ["scope"] = "Namespaced",
                ["versions"] = new JsonArray([.. Versions.Select(VersionOf)]),
            },
        };
    }

    private JsonObject VersionOf(string version)
    {
        var json = new JsonObject { ["name"] = version, ["served"] = true, ["storage"] = version == StoredVersion };
        if (!Columns.IsEmpty)
        {
            json["additionalPrinterColumns"] = new JsonArray([.. Columns.Select(column => column.ToJson())]);
        }

        json["schema"] = new JsonObject
        {
            // Who asks for an explanation gets that of the first.
            ["openAPIV3Schema"] = Schema(version == Versions[0] ? Spec : Spec.Brief()),
        };
        if (HasStatus)
        {
            json["subresources"] = new JsonObject { ["status"] = new JsonObject() };
        }

        return json;
    }

    private JsonObject Schema(Shape spec)
    {
        var properties = new JsonObject
        {
            ["apiVersion"] = Shape.Text().ToJson(NullFields.Gone),
            ["kind"] = Shape.Text().ToJson(NullFields.Gone),
            ["metadata"] = new JsonObject { ["type"] = "object" },
            ["spec"] = spec.ThatIsThere(Nulls),
        };
        if (HasStatus)
        {
            properties["status"] = s_status.ToJson(NullFields.Gone);
        }

        var schema = new JsonObject { ["description"] = Description, ["type"] = "object" };
        if (IsSpecRequired)
        {
            schema["required"] = new JsonArray("spec");
        }

        schema["properties"] = properties;
        return schema;
    }
}

/// <param name="Name">The heading.</param>
/// <param name="Type">string or date.</param>
/// <param name="Path">Where it stands in the object.</param>
/// <param name="Description">What it shows.</param>
internal sealed record Column(string Name, string Type, string Path, string Description)
{
    public static Column Age { get; } = new("Age", "date", ".metadata.creationTimestamp", "Since when it has been there.");

    public JsonObject ToJson() => new()
    {
        ["name"] = Name,
        ["type"] = Type,
        ["jsonPath"] = Path,
        ["description"] = Description,
    };
}
