using Mesh.Node.Model.Routing;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Proxy.Http;

/// <summary>Makes the changes to fields that the configuration asks for.</summary>
internal static class HeaderChanges
{
    /// <summary>Removes, sets and adds, in this order. Allocates only where the list grows.</summary>
    public static void Apply(HeaderOperations operations, HeaderList fields)
    {
        if (operations.IsEmpty)
        {
            return;
        }

        foreach (HeaderName name in operations.Remove)
        {
            fields.Remove(name.Bytes);
        }

        foreach (Model.Routing.HeaderField field in operations.Set)
        {
            fields.Set(field.Name.Bytes, field.ValueBytes);
        }

        foreach (Model.Routing.HeaderField field in operations.Add)
        {
            fields.Add(field.Name.Bytes, field.ValueBytes);
        }
    }
}
