namespace Mesh.Fuzz;

/// <summary>Changes inputs in ways that suit any format of bytes.</summary>
internal static class Mutator
{
    private const int InputBytesMax = 200_000;

    private static readonly byte[] s_interestingBytes = [0, 1, 2, 0x7E, 0x7F, 0x80, 0x81, 0xFE, 0xFF, (byte)' ', (byte)'"', (byte)'%', (byte)',', (byte)':', (byte)';', (byte)'='];

    /// <summary>Applies one to four changes.</summary>
    /// <param name="input">Left as it is.</param>
    /// <param name="other">Another input, to take parts from.</param>
    /// <param name="random">The seed decides all.</param>
    public static byte[] Mutate(byte[] input, byte[] other, Random random)
    {
        List<byte> bytes = [.. input];
        for (int changes = random.Next(1, 5); changes > 0; changes--)
        {
            Change(bytes, other, random);
        }

        return bytes.Count <= InputBytesMax ? [.. bytes] : [.. bytes.Take(InputBytesMax)];
    }

    private static void Change(List<byte> bytes, byte[] other, Random random)
    {
        int at = random.Next(bytes.Count + 1);
        int count = Math.Min(random.Next(1, random.Next(2) == 0 ? 4 : 40), bytes.Count - at);
        switch (random.Next(8))
        {
            case 0 when at < bytes.Count:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1 when at < bytes.Count:
                bytes[at] = s_interestingBytes[random.Next(s_interestingBytes.Length)];
                break;
            case 2 when at < bytes.Count:
                bytes[at] = (byte)(bytes[at] + random.Next(-3, 4));
                break;
            case 3:
                bytes.Insert(at, random.Next(2) == 0 ? (byte)random.Next(256) : s_interestingBytes[random.Next(s_interestingBytes.Length)]);
                break;
            case 4:
                bytes.RemoveRange(at, count);
                break;
            case 5:
                bytes.InsertRange(random.Next(bytes.Count + 1), bytes.GetRange(at, count));
                break;
            case 6 when other.Length > 0:
                int from = random.Next(other.Length);
                bytes.InsertRange(at, other.AsSpan(from, Math.Min(other.Length - from, random.Next(1, 60))).ToArray());
                break;
            default:
                bytes.RemoveRange(at, bytes.Count - at);
                if (other.Length > 0)
                {
                    bytes.AddRange(other.AsSpan(random.Next(other.Length)));
                }

                break;
        }
    }
}
