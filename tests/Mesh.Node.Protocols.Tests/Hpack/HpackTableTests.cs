using System.Text;
using Mesh.Node.Protocols.Http2.Hpack;

namespace Mesh.Node.Protocols.Tests.Hpack;

/// <summary>
/// Goal: the dynamic table is a queue bounded in bytes, however its ring and its bytes move. Method: a model of lists, seeded random steps.
/// </summary>
public sealed class HpackTableTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_table_behaves_like_a_list(int seed)
    {
        var random = new Random(seed);
        int capacity = 1_024;
        var table = new HpackDynamicTable(capacity);
        List<(string Name, string Value)> model = []; // Newest first.
        for (int step = 0; step < 5_000; step++)
        {
            if (random.Next(200) == 0)
            {
                capacity = random.Next(3_000);
                table.Resize(capacity);
            }
            else
            {
                string name = new((char)random.Next('a', 'z'), random.Next(20));
                string value = new((char)random.Next('a', 'z'), random.Next(random.Next(50) == 0 ? 2_000 : 60));
                byte[] nameBytes = Encoding.ASCII.GetBytes(name);
                byte[] valueBytes = Encoding.ASCII.GetBytes(value);
                table.Insert(nameBytes, valueBytes, HpackHash.Of(valueBytes, HpackHash.Of(nameBytes)));
                model.Insert(0, (name, value));
            }

            while (model.Sum(Size) > capacity)
            {
                model.RemoveAt(model.Count - 1);
            }

            Assert.Equal(model.Count, table.Count);
            Assert.Equal(model.Sum(Size), table.SizeBytes);
            if (model.Count > 0)
            {
                int age = random.Next(model.Count);
                Assert.Equal(model[age].Name, Encoding.ASCII.GetString(table.Name(age)));
                Assert.Equal(model[age].Value, Encoding.ASCII.GetString(table.Value(age)));
                byte[] name = table.Name(age).ToArray();
                byte[] value = table.Value(age).ToArray();
                int found = table.Find(HpackHash.Of(value, HpackHash.Of(name)), name, value);
                Assert.Equal(model[age], model[found]);
                Assert.Equal(model.FindIndex(entry => entry.Name == model[age].Name), table.FindName(name));
            }

            Assert.Equal(-1, table.FindName("not there"u8));
            Assert.Equal(-1, table.Find(1, "not"u8, "there"u8));
        }
    }

    private static int Size((string Name, string Value) entry) => entry.Name.Length + entry.Value.Length + 32;
}
