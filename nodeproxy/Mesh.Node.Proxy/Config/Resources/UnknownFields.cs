using Google.Protobuf;

namespace Mesh.Node.Proxy.Config.Resources;

/// <summary>
/// Fields that a newer control plane sends and this version has no name for. The parser keeps them out of sight; what a message loses
/// without them shows that they are there.
/// </summary>
internal static class UnknownFields
{
    /// <summary>The message as this version knows it.</summary>
    /// <param name="message">As it came.</param>
    /// <param name="parser">Of its type.</param>
    public static T Without<T>(T message, MessageParser<T> parser)
        where T : IMessage<T> => parser.WithDiscardUnknownFields(true).ParseFrom(message.ToByteString());

    /// <summary>Whether the message, or one inside it, has a field that <paramref name="known"/> has not.</summary>
    public static bool AreIn(IMessage message, IMessage known) => message.CalculateSize() != known.CalculateSize();

    /// <summary>The numbers of such fields of the message itself, ascending.</summary>
    public static IEnumerable<int> Of(IMessage message, IMessage known) => Numbers(message).Except(Numbers(known)).Order();

    private static HashSet<int> Numbers(IMessage message)
    {
        HashSet<int> numbers = [];
        using var input = new CodedInputStream(message.ToByteArray());
        while (input.ReadTag() is uint tag and not 0)
        {
            numbers.Add(WireFormat.GetTagFieldNumber(tag));
            input.SkipLastField();
        }

        return numbers;
    }
}
