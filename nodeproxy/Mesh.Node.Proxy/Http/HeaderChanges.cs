using System.Buffers;
using Mesh.Node.Model.Routing;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Proxy.Http;

/// <summary>Makes the changes to fields that the configuration asks for.</summary>
internal static class HeaderChanges
{
    /// <summary>Removes, sets and adds, in this order. Allocates only where the list or the room grows.</summary>
    /// <param name="operations">What is changed.</param>
    /// <param name="fields">Of a message.</param>
    /// <param name="facts">What operators speak of.</param>
    /// <param name="texts">Room to work in.</param>
    public static void Apply(HeaderOperations operations, HeaderList fields, in MessageFacts facts, ArrayBufferWriter<byte> texts)
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
            if (field.Parts.IsEmpty)
            {
                fields.Set(field.Name.Bytes, field.ValueBytes);
            }
            else if (facts.TryWrite(field.Parts, texts, out ReadOnlySpan<byte> value))
            {
                fields.Set(field.Name.Bytes, value);
            }
        }

        foreach (Model.Routing.HeaderField field in operations.Add)
        {
            if (field.Parts.IsEmpty)
            {
                fields.Add(field.Name.Bytes, field.ValueBytes);
            }
            else if (facts.TryWrite(field.Parts, texts, out ReadOnlySpan<byte> value))
            {
                fields.Add(field.Name.Bytes, value);
            }
        }
    }
}
